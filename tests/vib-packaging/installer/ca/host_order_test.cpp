// Which names of a host's request its certificate gets.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "vib-packaging/installer/ca/host_order.hpp"

namespace xcopy::ca {

namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const pki::Names asked{.dns = {"esx1.lab", "vcenter.lab"}, .addresses = {"192.0.2.7"}, .uris = {"xcopy://host/u-1"}};

std::string reason(const pki::Names& names, const HostOrder& order)
{
    const auto approved = approve(names, order);
    return approved ? "approved" : approved.error().reason;
}

} // namespace

TEST(HostOrder, OnlyExpectedNamesGetInAndTheRestIsReported)
{
    const auto approved =
        approve(asked, {.request = "", .uuid = "u-1", .names = {"esx1.lab"}, .addresses = {"192.0.2.8"}});
    ASSERT_TRUE(approved);
    EXPECT_THAT(approved->names.dns, ElementsAre("esx1.lab"));
    EXPECT_THAT(approved->names.addresses, ElementsAre("192.0.2.8")) << "the way the caller reaches it";
    EXPECT_THAT(approved->names.uris, ElementsAre("xcopy://host/u-1"));
    EXPECT_THAT(approved->left_out, ElementsAre("vcenter.lab", "192.0.2.7"));
}

TEST(HostOrder, TheHostsWordIsTakenOnlyWhenAskedTo)
{
    const auto approved =
        approve(asked, {.request = "", .uuid = "u-1", .names = {}, .addresses = {}, .accept_names = true});
    ASSERT_TRUE(approved);
    EXPECT_THAT(approved->names.dns, ElementsAre("esx1.lab", "vcenter.lab"));
    EXPECT_THAT(approved->left_out, IsEmpty());
}

TEST(HostOrder, NeverAnotherHostNorARole)
{
    for (const bool accept : {false, true}) {
        const HostOrder order{.request = "", .uuid = "u-1", .names = {}, .addresses = {}, .accept_names = accept};
        EXPECT_EQ(reason({.uris = {"xcopy://host/u-2"}}, order), "wrong_host");
        EXPECT_EQ(reason({.uris = {"xcopy://host/u-1", "xcopy://host/u-2"}}, order), "wrong_host");
        EXPECT_EQ(reason({.uris = {"xcopy://host/u-1", "xcopy://role/operator"}}, order), "wrong_host");
        EXPECT_EQ(reason({.dns = {"esx1"}}, order), "wrong_host");
        EXPECT_EQ(reason({.uris = {"xcopy://host/u-1"}, .others = true}, order), "wrong_names");
        EXPECT_EQ(reason({.uris = {"xcopy://host/u-1"}}, order), "approved");
    }
    EXPECT_EQ(reason({.uris = {"xcopy://host/../x"}}, {.request = "", .uuid = "../x", .names = {}, .addresses = {}}),
              "bad_uuid");
}

} // namespace xcopy::ca
