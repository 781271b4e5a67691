// What vmkfstools says, and what it means.
#include "agent/esxi/clone_progress.hpp"
#include "agent/esxi/clone_verdict.hpp"
#include "agent/esxi/vmkfstools_errors.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <vector>

namespace xcopy {
namespace {

struct Seen {
    int percent;
    std::string last_line;
};

Seen seen(const std::vector<std::string>& pieces)
{
    CloneProgress progress;
    CloneProgress::Stream stream;
    for (const auto& piece : pieces)
        stream.feed(piece, progress);
    return {progress.percent(), progress.last_line()};
}

TEST(CloneProgress, ReadsUpdatesSeparatedByCarriageReturns)
{
    const Seen s = seen({"Destination disk format: raw disk mapping to '/vmfs/devices/disks/naa.1'\n"
                         "Cloning disk '/vmfs/volumes/DS/VM/VM.vmdk'...\n",
                         "Clone: 0% done.\rClone: 37% done.\r"});
    EXPECT_EQ(s.percent, 37);
    EXPECT_EQ(s.last_line, "Clone: 37% done.");
}

TEST(CloneProgress, DoesNotMindWhereThePiecesAreCut)
{
    const std::string text =
        "Clone: 9% done.\rClone: 100% done.Failed to clone disk: No such device or address (393225).";
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
        const Seen s = seen({text.substr(0, cut), text.substr(cut)});
        EXPECT_EQ(s.percent, 100) << cut;
        EXPECT_EQ(s.last_line, "Failed to clone disk: No such device or address (393225).") << cut;
    }
    std::vector<std::string> bytes;
    for (char c : text)
        bytes.emplace_back(1, c);
    EXPECT_EQ(seen(bytes).percent, 100);
}

TEST(CloneProgress, NeverFalls)
{
    EXPECT_EQ(seen({"Clone: 80% done.\r", "Clone: 3% done.\r"}).percent, 80);
}

TEST(CloneProgress, BelievesNoImpossibleNumber)
{
    for (const char* text : {"Clone: 101% done.", "Clone: -5% done.", "Clone: 99999999999999999999% done.",
                             "Clone: % done.", "Clone: 4 % done.", "clone 50%", "Clone: 50"})
        EXPECT_EQ(seen({text}).percent, 0) << text;
}

TEST(CloneProgress, AReasonOutlivesWhatIsSaidAfterIt)
{
    EXPECT_EQ(seen({"Failed to clone disk: Input/output error (327689).\nbye\n"}).last_line,
              "Failed to clone disk: Input/output error (327689).");
}

TEST(CloneProgress, ObjectCloningNoiseIsNoReason)
{
    EXPECT_EQ(seen({"DISKLIB-LIB_CLONE : Failed to clone disk using Object Cloning\nClone: 1% done.\n"}).last_line,
              "Clone: 1% done.");
}

TEST(CloneProgress, KeepsNoMoreThanItNeedsOfEndlessLines)
{
    const Seen s = seen({std::string(5'000'000, 'x'), "\nClone: 5% done.\r" + std::string(100'000, 'y')});
    EXPECT_EQ(s.percent, 5);
    EXPECT_EQ(s.last_line.size(), 512U);
}

struct Meant {
    const char* line;
    Errc code;
    const char* reason;
};

class VmkfstoolsError : public testing::TestWithParam<Meant> {};

TEST_P(VmkfstoolsError, HasAMeaningAndARemedy)
{
    const auto error = explain_vmkfstools(GetParam().line);
    ASSERT_TRUE(error) << GetParam().line;
    EXPECT_EQ(error->code, GetParam().code);
    EXPECT_EQ(error->reason, GetParam().reason);
    EXPECT_FALSE(error->remedy.empty());
    EXPECT_NE(error->message.find(GetParam().line), std::string::npos) << "the tool's own words are kept";
}

INSTANTIATE_TEST_SUITE_P(
    Table, VmkfstoolsError,
    testing::Values(
        Meant{"Failed to open 'X.vmdk': Failed to lock the file (16392).", Errc::busy, "source_locked"},
        Meant{"Failed to lock the file", Errc::busy, "source_locked"},
        Meant{"Failed to clone disk: Device or resource busy (1048585).", Errc::busy, "target_busy"},
        Meant{"Failed to clone disk: No such device or address (393225).", Errc::unavailable, "device_missing"},
        Meant{"Failed to clone disk: Input/output error (327689).", Errc::failed, "io_error"},
        Meant{"There is not enough space on the file system for the selected operation (13)", Errc::failed, "no_space"},
        Meant{"Failed to clone disk: No space left on device (1835017).", Errc::failed, "no_space"},
        Meant{"The system cannot find the file specified (25)", Errc::not_found, "source_missing"},
        Meant{"No such file or directory (131081)", Errc::not_found, "source_missing"},
        Meant{"The file already exists (39)", Errc::conflict, "pointer_exists"},
        Meant{"One of the parameters supplied is invalid (1).", Errc::unsupported, "target_unfit"},
        Meant{"The specified feature is not supported by this version (24)", Errc::unsupported,
              "disk_kind_unsupported"}));

TEST(VmkfstoolsErrors, WhatIsNotKnownIsNotGuessed)
{
    for (const char* line : {"", "Clone: 43% done.", "Inappropriate ioctl for device (1638402)", "odd (abc)", "(", ")",
                             "(99999999999999999)", "IOCTLCMD_VMFS_XCOPY_TRANSFER_SIZE(3077) failed"})
        EXPECT_FALSE(explain_vmkfstools(line)) << line;
}

TEST(CloneVerdict, OnlyExitStatusZeroIsSuccess)
{
    EXPECT_EQ(verdict({.exit_status = 0, .percent = 12}).state, CloneState::succeeded);
    for (int status : {1, 2, 137, 255})
        EXPECT_EQ(verdict({.exit_status = status, .percent = 100}).state, CloneState::failed) << status;
    EXPECT_EQ(verdict({.exit_signal = SIGKILL, .percent = 100}).state, CloneState::failed);
}

TEST(CloneVerdict, HundredPercentWithoutExitStatusIsIndeterminate)
{
    const auto v = verdict({.percent = 100, .last_line = "Clone: 100% done."});
    EXPECT_EQ(v.state, CloneState::indeterminate);
    EXPECT_EQ(v.error->code, Errc::indeterminate);
}

TEST(CloneVerdict, WhatWeStoppedIsNeverASuccess)
{
    EXPECT_EQ(verdict({.exit_status = 0, .stopped = Error{Errc::cancelled, "x"}, .percent = 100}).state,
              CloneState::cancelled);
    const auto late = verdict({.exit_status = 0, .stopped = Error{Errc::timed_out, "late"}, .percent = 7});
    EXPECT_EQ(late.state, CloneState::failed);
    EXPECT_EQ(late.error->message, "clone stopped at 7%: late");
}

TEST(CloneVerdict, AnUnknownErrorKeepsTheToolsWords)
{
    const auto v = verdict({.exit_status = 4, .percent = 5, .last_line = "Something new (77)"});
    EXPECT_EQ(v.error->code, Errc::failed);
    EXPECT_EQ(v.error->message, "vmkfstools exited 4 at 5%: Something new (77)");
}

TEST(CloneVerdict, ASecondTryIsForLocksBeforeTheFirstByteOnly)
{
    const std::string locked = "Failed to lock the file (16392)";
    EXPECT_TRUE(worth_another_try({.exit_status = 1, .last_line = locked}));
    EXPECT_TRUE(worth_another_try({.exit_status = 1, .last_line = "Device or resource busy (1048585)"}));
    EXPECT_FALSE(worth_another_try({.exit_status = 1, .percent = 1, .last_line = locked}));
    EXPECT_FALSE(worth_another_try({.exit_status = 0, .last_line = locked}));
    EXPECT_FALSE(worth_another_try({.exit_signal = 9, .last_line = locked}));
    EXPECT_FALSE(worth_another_try({.exit_status = 1, .stopped = Error{Errc::cancelled, "x"}, .last_line = locked}));
    EXPECT_FALSE(worth_another_try({.exit_status = 1, .last_line = "No such device or address (393225)"}));
}

} // namespace
} // namespace xcopy
