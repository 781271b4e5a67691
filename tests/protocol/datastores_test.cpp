#include "protocol/datastores.hpp"

#include <gtest/gtest.h>

namespace xcopy {
namespace {

TEST(Datastores, KnownToHoldNoRawDeviceMappingAreRefusedByName)
{
    for (const char* type : {"NFS", "NFS41", "nfs", "vsan", "VSAN", "VVOL", "vvol"}) {
        const auto refused = check_holds_mappings("share 1", type);
        ASSERT_FALSE(refused) << type;
        EXPECT_EQ(refused.error().code, Errc::unsupported);
        EXPECT_EQ(refused.error().reason, "datastore_not_vmfs");
        EXPECT_NE(refused.error().message.find("'share 1' is of type " + std::string(type)), std::string::npos);
        EXPECT_NE(refused.error().remedy.find("VMFS"), std::string::npos);
    }
}

TEST(Datastores, OfWhichItIsNotKnownAreTried)
{
    for (const char* type :
         {"", "VMFS", "VMFS-5", "VMFS-6", "VMFS-L", "VMFSOS", "VFFS", "OTHER", "PMEM", "NFS42", "vs"})
        EXPECT_TRUE(check_holds_mappings("ds", type)) << type;
}

} // namespace
} // namespace xcopy
