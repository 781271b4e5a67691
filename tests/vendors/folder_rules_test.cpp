// Rules for files that no compiler knows: how much a driver may be, and that the operators' pages quote what is said.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

namespace xcopy {
namespace {

namespace fs = std::filesystem;

const fs::path source = XCOPY_SOURCE;

std::string text_of(const fs::path& file)
{
    std::ostringstream text;
    text << std::ifstream(file).rdbuf();
    return text.str();
}

bool is_code(const fs::path& file)
{
    return file.extension() == ".cpp" || file.extension() == ".hpp";
}

std::map<std::string, std::ptrdiff_t> lines_of_drivers()
{
    std::map<std::string, std::ptrdiff_t> lines;
    for (const auto& folder : fs::directory_iterator(source / "vendors"))
        if (folder.is_directory() && folder.path().filename() != "rest")
            for (const auto& file : fs::directory_iterator(folder))
                if (is_code(file))
                    lines[folder.path().filename()] += std::ranges::count(text_of(file), '\n');
    return lines;
}

// What is over belongs into vendors/, where all drivers have it.
TEST(Drivers, SayWhatIsDifferentAndNothingElse)
{
    const auto drivers = lines_of_drivers();
    EXPECT_EQ(drivers.size(), 9U);
    std::ptrdiff_t all = 0;
    for (const auto& [name, lines] : drivers) {
        EXPECT_LE(lines, 450) << name;
        all += lines;
    }
    EXPECT_LE(all, 3500) << "of all drivers together";
}

// String literals, those that stand beside each other joined; what is filled in reads "…".
std::string said_in(const fs::path& folder)
{
    static const std::regex joint(R"RE("\s*\n\s*")RE");
    static const std::regex literal(R"RE("((?:[^"\\\n]|\\.)*)")RE");
    static const std::regex filled_in(R"RE(\{[^}]*\})RE");
    std::string said;
    for (const auto& file : fs::recursive_directory_iterator(folder)) {
        if (!is_code(file))
            continue;
        const auto code = std::regex_replace(text_of(file), joint, "");
        for (std::sregex_iterator one(code.begin(), code.end(), literal); one != std::sregex_iterator(); ++one)
            said += (*one)[1].str() + "\n";
    }
    return std::regex_replace(said, filled_in, "…");
}

// The first cells below "## Messages and remedies", cut where something is filled in, without what stands in brackets.
std::vector<std::string> quoted_in(const std::string& page)
{
    static const std::regex row(R"RE(\n\| ([^|]*) \|)RE");
    static const std::regex brackets(R"RE(\([^)]*\))RE");
    static const std::regex cut(R"RE((?:…|, |\n)+)RE");
    static const std::regex edges(R"RE(^[\s':;]+|[\s':;]+$)RE");
    std::vector<std::string> quotes;
    const auto from = std::min(page.find("\n## Messages and remedies"), page.size());
    const auto rows = page.substr(from);
    for (std::sregex_iterator one(rows.begin(), rows.end(), row); one != std::sregex_iterator(); ++one) {
        const auto cell = std::regex_replace((*one)[1].str(), brackets, "");
        for (std::sregex_token_iterator part(cell.begin(), cell.end(), cut, -1); part != std::sregex_token_iterator();
             ++part)
            if (auto quote = std::regex_replace(part->str(), edges, ""); quote.size() > 3)
                quotes.push_back(std::move(quote));
    }
    std::erase(quotes, "Message contains");
    return quotes;
}

TEST(DocsOfArrays, QuoteOnlyWhatIsSaid)
{
    const auto said = said_in(source / "vendors");
    int pages = 0;
    for (const auto& page : fs::directory_iterator(source / "docs/arrays")) {
        const auto quotes = quoted_in(text_of(page));
        pages += quotes.empty() ? 0 : 1;
        for (const auto& quote : quotes)
            EXPECT_NE(said.find(quote), std::string::npos) << page.path().filename() << ": " << quote;
    }
    EXPECT_EQ(pages, 9);
}

TEST(DocsOfArrays, AQuoteThatNobodySaysIsFound)
{
    const auto quotes = quoted_in("# x\n\n## Messages and remedies\n\n| Message contains | Cause |\n|---|---|\n"
                                  "| HTTP 401, invalid credentials | wrong token |\n| it is … (Offline) | state |\n");
    EXPECT_EQ(quotes, (std::vector<std::string>{"HTTP 401", "invalid credentials", "it is"}));
    EXPECT_EQ(said_in(source / "vendors").find("invalid credentials"), std::string::npos);
}

} // namespace
} // namespace xcopy
