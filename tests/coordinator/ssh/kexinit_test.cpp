#include "coordinator/ssh/kexinit.hpp"
#include "coordinator/ssh/shell_words.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace xcopy {

namespace {

std::string number(std::size_t value)
{
    return {static_cast<char>(value >> 24U), static_cast<char>(value >> 16U), static_cast<char>(value >> 8U),
            static_cast<char>(value)};
}

std::string hello(const std::vector<std::string>& lists)
{
    std::string payload(1, '\x14');
    payload += std::string(16, 'c');
    for (const auto& list : lists)
        payload += number(list.size()) + list;
    payload += std::string(5, '\0');
    const std::string padded = std::string(1, '\x04') + payload + "pppp";
    return "SSH-2.0-OpenSSH_8.8\r\n" + number(padded.size()) + padded;
}

const std::vector<std::string> esxi8{"ecdh-sha2-nistp256", "rsa-sha2-512", "aes256-ctr", "aes256-ctr", "hmac-sha2-256",
                                     "hmac-sha2-256",      "none",         "none",       "",           ""};
const OurOffer ours{"curve25519-sha256,ecdh-sha2-nistp256", "rsa-sha2-512", "aes256-ctr", "hmac-sha2-256"};

} // namespace

TEST(ServerOffer, IsReadFromTheFirstPacket)
{
    const auto offer = read_server_offer(hello(esxi8));
    ASSERT_TRUE(offer);
    EXPECT_EQ(offer->banner, "SSH-2.0-OpenSSH_8.8");
    EXPECT_EQ(offer->key_exchange, "ecdh-sha2-nistp256");
    EXPECT_EQ(offer->macs, "hmac-sha2-256");
    EXPECT_EQ(nothing_in_common(ours, *offer), "");
}

TEST(ServerOffer, EveryTruncationIsNoOffer)
{
    const auto whole = hello(esxi8);
    for (std::size_t size = 0; size < whole.size(); ++size)
        EXPECT_FALSE(read_server_offer(whole.substr(0, size))) << size;
}

TEST(ServerOffer, AListLongerThanThePacketIsNoOffer)
{
    auto bytes = hello(esxi8);
    bytes[bytes.find("ecdh") - 3] = '\x7f';
    EXPECT_FALSE(read_server_offer(bytes));
}

TEST(ServerOffer, NothingInCommonNamesBothLists)
{
    auto lists = esxi8;
    lists[0] = "curve448-sha512";
    const auto text = nothing_in_common(ours, *read_server_offer(hello(lists)));
    EXPECT_EQ(text,
              "no common key exchange: the host offers curve448-sha512; we offer curve25519-sha256,ecdh-sha2-nistp256");
}

TEST(ShellWords, NothingIsSyntax)
{
    EXPECT_EQ(shell_word("/vmfs/volumes/ds-1"), "/vmfs/volumes/ds-1");
    EXPECT_EQ(shell_word(""), "''");
    EXPECT_EQ(shell_word("it's $(reboot); `x`\n"), "'it'\\''s $(reboot); `x`\n'");
    const std::vector<std::string> words{"esxcli", "a b", "~"};
    EXPECT_EQ(shell_line(words), "esxcli 'a b' '~'");
}

} // namespace xcopy
