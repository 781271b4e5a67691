// The file that is shipped: one that ESXi's loader can start without anything of ours beside it (facts/esxi.md 1.1).
#include "agent/esxi/child.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <elf.h>
#include <fstream>
#include <set>
#include <string>
#include <vector>

namespace xcopy::userworld {
namespace {

struct Elf {
    Elf64_Ehdr header{};
    std::vector<Elf64_Phdr> segments;

    explicit Elf(const char* path)
    {
        std::ifstream file(path, std::ios::binary);
        file.read(reinterpret_cast<char*>(&header), sizeof header);
        segments.resize(header.e_phnum);
        file.seekg(static_cast<std::streamoff>(header.e_phoff));
        file.read(reinterpret_cast<char*>(segments.data()),
                  static_cast<std::streamsize>(segments.size() * sizeof(Elf64_Phdr)));
    }
    const Elf64_Phdr* find(Elf64_Word type) const
    {
        for (const auto& segment : segments)
            if (segment.p_type == type)
                return &segment;
        return nullptr;
    }
};

TEST(AgentBinary, IsOneStaticFileAtAFixedAddress)
{
    const Elf agent(XCOPY_AGENT);
    EXPECT_EQ(std::memcmp(agent.header.e_ident, ELFMAG, SELFMAG), 0);
    EXPECT_EQ(agent.header.e_ident[EI_CLASS], ELFCLASS64);
    EXPECT_EQ(agent.header.e_machine, EM_X86_64);
    EXPECT_EQ(agent.header.e_type, ET_EXEC) << "position independent";
    EXPECT_EQ(agent.find(PT_INTERP), nullptr) << "wants a loader";
    EXPECT_EQ(agent.find(PT_DYNAMIC), nullptr) << "wants libraries";
    ASSERT_NE(agent.find(PT_GNU_STACK), nullptr);
    EXPECT_EQ(agent.find(PT_GNU_STACK)->p_flags & PF_X, 0U) << "executable stack";
}

// The names of the functions in a file that was not stripped.
std::set<std::string> functions_in(const char* path)
{
    std::ifstream file(path, std::ios::binary);
    const std::string all(std::istreambuf_iterator<char>(file), {});
    const auto at = [&]<class T>(T, std::size_t offset) {
        T value{};
        if (offset + sizeof value <= all.size())
            std::memcpy(&value, all.data() + offset, sizeof value);
        return value;
    };
    const auto header = at(Elf64_Ehdr{}, 0);
    std::set<std::string> names;
    for (std::size_t i = 0; i < header.e_shnum; ++i) {
        const auto section = at(Elf64_Shdr{}, header.e_shoff + i * sizeof(Elf64_Shdr));
        if (section.sh_type != SHT_SYMTAB)
            continue;
        const auto words = at(Elf64_Shdr{}, header.e_shoff + section.sh_link * sizeof(Elf64_Shdr));
        for (std::size_t symbol = 0; symbol < section.sh_size; symbol += sizeof(Elf64_Sym)) {
            const auto one = at(Elf64_Sym{}, section.sh_offset + symbol);
            if (ELF64_ST_TYPE(one.st_info) == STT_FUNC && words.sh_offset + one.st_name < all.size())
                names.insert(all.c_str() + words.sh_offset + one.st_name);
        }
    }
    return names;
}

// What is refused in tests is what these happen to run; a function that is not there is called in no run at all.
TEST(AgentBinary, HasNoCodeThatCouldAskForWhatEsxiMayLack)
{
    const auto functions = functions_in(XCOPY_AGENT);
    ASSERT_TRUE(functions.contains("__select") || functions.contains("select")) << "stripped?";
    for (const std::string call : {"epoll_", "eventfd", "timerfd_", "signalfd", "inotify_", "fanotify_", "memfd_",
                                   "pidfd_", "io_uring_", "io_setup", "copy_file_range", "vfork"}) {
        const auto found = std::ranges::find_if(functions, [&](const std::string& name) {
            return name.starts_with(call) || name.starts_with("__" + call);
        });
        EXPECT_TRUE(found == functions.end()) << *found;
    }
}

TEST(AgentBinary, IsNotWhatEveryProgramIs)
{
    const Elf ordinary("/proc/self/exe");
    EXPECT_NE(ordinary.find(PT_INTERP), nullptr);
}

// OpenSSL takes ESXi's 6.7.0 or 8.0.2 for a Linux new enough to have getrandom, and gives up without it.
TEST(Entropy, OpensslHasNoneWithoutTheAgentsGetentropyWhereGetrandomIsMissing)
{
    const auto done = run({XCOPY_USERWORLD, RANDOM_WITHOUT_OVERRIDE}, {});
    ASSERT_TRUE(done);
    EXPECT_EQ(done->exit_status, 1) << "libc or OpenSSL has changed: is agent/entropy.cpp still needed?";
    EXPECT_NE(done->out.find("entropy"), std::string::npos) << done->out;
}

TEST(Entropy, OpensslHasItWithTheAgentsGetentropy)
{
    const auto done = run({XCOPY_USERWORLD, RANDOM_WITH_OVERRIDE}, {});
    ASSERT_TRUE(done);
    EXPECT_EQ(done->exit_status, 0) << done->out;
}

TEST(Entropy, OpensslNeedsNoHelpWhereGetrandomIsThere)
{
    for (const char* program : {RANDOM_WITHOUT_OVERRIDE, RANDOM_WITH_OVERRIDE}) {
        const auto done = run({program}, {});
        ASSERT_TRUE(done);
        EXPECT_EQ(done->exit_status, 0) << program << ": " << done->out;
    }
}

} // namespace
} // namespace xcopy::userworld
