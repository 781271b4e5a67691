// A journal in memory. What was written outlives a coordinator; the claim does not.
#pragma once

#include "coordinator/journal.hpp"
#include "tests/coordinator/fakes/steps.hpp"

#include <map>
#include <set>

namespace xcopy::test {

class FakeJournal final : public Journal {
public:
    explicit FakeJournal(Steps& steps) : steps_(steps) {}

    std::map<std::string, std::string> records;
    std::set<std::string> claimed;

    Result<std::unique_ptr<JournalPage>> claim(const std::string& job) override
    {
        if (!claimed.insert(job).second)
            return Error{Errc::busy, "another coordinator is working on job " + job, "", "job_claimed"};
        return std::unique_ptr<JournalPage>(std::make_unique<Page>(*this, job));
    }

    Result<std::vector<std::string>> jobs() override
    {
        std::vector<std::string> all;
        for (const auto& [job, text] : records)
            all.push_back(job);
        return all;
    }

    std::string where() const override { return "memory"; }

private:
    class Page final : public JournalPage {
    public:
        Page(FakeJournal& journal, std::string job) : journal_(journal), job_(std::move(job)) {}
        ~Page() override { journal_.claimed.erase(job_); }

        Result<std::optional<CopyRecord>> read() override
        {
            const auto found = journal_.records.find(job_);
            if (found == journal_.records.end())
                return std::optional<CopyRecord>();
            auto record = decode_record(found->second);
            if (!record)
                return record.error();
            return std::optional(*record);
        }

        Result<void> write(const CopyRecord& record) override
        {
            return journal_.steps_.run("journal", [&]() -> Result<void> {
                journal_.records[job_] = encode(record);
                return {};
            });
        }

        Result<void> remove() override
        {
            return journal_.steps_.run("journal removed", [&]() -> Result<void> {
                journal_.records.erase(job_);
                return {};
            });
        }

    private:
        FakeJournal& journal_;
        std::string job_;
    };

    Steps& steps_;
};

} // namespace xcopy::test
