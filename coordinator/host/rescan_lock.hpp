// Held while the storage of a host is rescanned, where somebody else may want to do so too (contract 5.4).
#pragma once

#include "protocol/error.hpp"
#include "vendors/call.hpp"

#include <functional>
#include <memory>
#include <stop_token>

namespace xcopy {

class RescanPermit {
public:
    RescanPermit() = default;
    RescanPermit(const RescanPermit&) = delete;
    RescanPermit& operator=(const RescanPermit&) = delete;
    virtual ~RescanPermit() = default; // lets go

    virtual std::stop_token lost() const = 0; // told when it is held no longer
};

using RescanLock = std::function<Result<std::unique_ptr<RescanPermit>>(const Call&)>;

} // namespace xcopy
