#include "tests/vendors/contract/contract.hpp"

namespace xcopy::contract {

void expect_nothing_lost(Rig& rig, const DiskRun& run, const nlohmann::json& foreign_before, const std::string& what)
{
    const std::string naa = rig.volume["naa"];
    EXPECT_EQ(rig.foreign(naa), foreign_before) << what << ": a mapping of somebody else changed";
    const bool left = rig.mappings(naa) != foreign_before;
    if (!run.undoing)
        EXPECT_FALSE(left) << what << ": unmap said done, and there is " << rig.mappings(naa);
    if (!run.error && !run.undoing)
        EXPECT_TRUE(run.reached_host) << what << ": map said done, and the host does not see the volume";
    if (run.error)
        expect_usable(rig, *run.error, what);
}

void expect_usable(const Rig&, const Error& error, const std::string& what)
{
    if (error.code == Errc::cancelled)
        return;
    EXPECT_GT(error.message.size(), 15U) << what << ": " << error.message;
    EXPECT_NE(error.message.find("array.example.com"), std::string::npos) << what << ": which array? " << error.message;
    EXPECT_FALSE(error.remedy.empty()) << what << ": what to do? " << error.message;
}

} // namespace xcopy::contract
