#include "coordinator/ssh/ssh_login.hpp"

#include <gtest/gtest.h>

namespace xcopy {

TEST(PrivateKeyText, PemStaysAsItIs)
{
    EXPECT_EQ(private_key_text(Secret("-----BEGIN X-----\nabc\n"))->reveal(), "-----BEGIN X-----\nabc\n");
}

TEST(PrivateKeyText, Base64WithLineBreaksIsTakenApart)
{
    EXPECT_EQ(private_key_text(Secret("LS0tLS1CRUdJTiBYLS0t\nLS0KYWJjCg==\n"))->reveal(), "-----BEGIN X-----\nabc\n");
}

TEST(PrivateKeyText, AnythingElseIsRefusedWithoutShowingIt)
{
    for (const auto* text : {"", "hunter2!", "aHVudGVyMg==", "====", "-----begin"}) {
        const auto key = private_key_text(Secret(text));
        ASSERT_FALSE(key) << text;
        EXPECT_EQ(key.error().code, Errc::bad_request);
        EXPECT_EQ(key.error().message.find("hunter"), std::string::npos);
    }
}

TEST(SshAddress, IsReadInEveryForm)
{
    EXPECT_EQ(parse_ssh_address("esx1.example.com")->port, 22);
    const auto full = parse_ssh_address("admin@[fd00::1]:2222");
    ASSERT_TRUE(full);
    EXPECT_EQ(full->user, "admin");
    EXPECT_EQ(full->address, "fd00::1");
    EXPECT_EQ(full->port, 2222);
    EXPECT_EQ(parse_ssh_address("fd00::1")->address, "fd00::1");
}

TEST(SshAddress, NonsenseIsRefused)
{
    for (const auto* text : {"", "@", "a:0", "a:70000", "a:b", "[::1", "-oProxyCommand=x", "a b", "x@", "a,b"})
        EXPECT_FALSE(parse_ssh_address(text)) << text;
}

} // namespace xcopy
