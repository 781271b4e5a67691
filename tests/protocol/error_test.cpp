#include "protocol/error.hpp"

#include <gtest/gtest.h>

#include <set>

namespace xcopy {
namespace {

constexpr Errc all_codes[] = {Errc::bad_request, Errc::not_found,   Errc::conflict,     Errc::busy,
                              Errc::denied,      Errc::unsupported, Errc::unavailable,  Errc::timed_out,
                              Errc::cancelled,   Errc::failed,      Errc::indeterminate};

TEST(Errc, EveryCodeHasItsOwnNameThatReadsBack)
{
    std::set<std::string_view> seen;
    for (Errc code : all_codes) {
        EXPECT_TRUE(seen.insert(name(code)).second) << name(code);
        EXPECT_EQ(errc_from(name(code)), code);
    }
}

TEST(Errc, ACodeFromANewerPeerReadsAsFailed)
{
    EXPECT_EQ(errc_from("quantum_entangled"), Errc::failed);
}

TEST(Errc, OnlyPassingTroubleIsTransient)
{
    const std::set<Errc> transient{Errc::busy, Errc::unavailable, Errc::timed_out};
    for (Errc code : all_codes)
        EXPECT_EQ(is_transient(code), transient.contains(code)) << name(code);
}

TEST(Errc, HttpStatusSurvivesTheRoundTripWhereItIsUnambiguous)
{
    for (Errc code : {Errc::bad_request, Errc::denied, Errc::not_found, Errc::conflict, Errc::unsupported, Errc::busy,
                      Errc::unavailable, Errc::timed_out})
        EXPECT_EQ(errc_from_http_status(http_status(code)), code) << name(code);
}

TEST(Error, EachCallerAddsTheStepItWasIn)
{
    const Error error = Error{Errc::failed, "HTTP 422: host not found"}.in("PowerStore volume db-7").in("map target");
    EXPECT_EQ(error.message, "map target: PowerStore volume db-7: HTTP 422: host not found");
}

} // namespace
} // namespace xcopy
