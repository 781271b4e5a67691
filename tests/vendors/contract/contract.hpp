// The suite's fixture: one test per array and promise.
#pragma once

#include "tests/vendors/contract/rig.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace xcopy::contract {

class Contract : public testing::TestWithParam<Subject> {
protected:
    const Subject& subject() const { return GetParam(); }
};

// What must be true after any run, whatever happened to it: nobody else lost a mapping, and ours is gone or reported.
void expect_nothing_lost(Rig& rig, const DiskRun& run, const nlohmann::json& foreign_before, const std::string& what);

// An error that an operator can use: which array, what to do.
void expect_usable(const Rig& rig, const Error& error, const std::string& what);

inline std::string subject_name(const testing::TestParamInfo<Subject>& info)
{
    return info.param.vendor;
}

} // namespace xcopy::contract
