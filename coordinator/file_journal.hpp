// The journal of a stand-alone coordinator: one file per job in a directory of mode 0700.
#pragma once

#include "coordinator/journal.hpp"

#include <filesystem>

namespace xcopy {

class FileJournal final : public Journal {
public:
    // Creates the directory when it is not there; Errc::failed when it cannot be written.
    static Result<std::unique_ptr<FileJournal>> open(const std::filesystem::path& directory);

    Result<std::unique_ptr<JournalPage>> claim(const std::string& job) override;
    Result<std::vector<std::string>> jobs() override;
    std::string where() const override { return directory_.string(); }

private:
    explicit FileJournal(std::filesystem::path directory) : directory_(std::move(directory)) {}

    std::filesystem::path directory_;
};

} // namespace xcopy
