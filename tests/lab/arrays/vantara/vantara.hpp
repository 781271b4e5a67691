// A simulated Hitachi VSP with its embedded Configuration Manager REST API, from section 10 of its facts page.
#pragma once

#include "tests/lab/arrays/byte_copy.hpp"
#include "tests/lab/arrays/stocked_model.hpp"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace lab::vantara {

// What a request or a job is refused with.
struct Refusal {
    int status = 400;
    std::string message_id;
    std::string ssb1; // of a job's error
    std::string ssb2;
    std::string message{};
};

struct Job {
    int id = 0;
    int looks = 0;
    std::optional<Refusal> failure;
    std::vector<std::string> affected;
};

struct Pair {
    std::string group;
    std::string source; // LDEV
    std::string target;
    int mu = 3;
    LabClock::Time begun;
    ByteCopy bytes;
    bool failed = false;
};

class Vantara final : public StockedModel {
public:
    explicit Vantara(const ModelConfig&);

    Response answer(const Request&) override;

private:
    using Path = std::vector<std::string>;

    Response sign_in(const Request&);
    bool is_signed_in(const Request&);
    Response dispatch(const Request&, const Path&); // throws Refusal
    Response run_job(const std::function<std::vector<std::string>()>& work);
    nlohmann::json job_object(Job&, bool waited);

    nlohmann::json ports(bool logins) const;
    nlohmann::json members(const Request&, bool fc);
    nlohmann::json paths(const Request&);
    nlohmann::json pairs(const Request&);
    std::vector<std::string> make_path(const nlohmann::json& body);
    std::vector<std::string> remove_path(const std::string& id);
    std::vector<std::string> make_pair(const nlohmann::json& body);
    std::vector<std::string> remove_pair(const std::string& id);
    void let_pairs_go_on();
    StoredMap& map(const std::string& ldev, const std::string& group, std::optional<int> lun);

    nlohmann::json ldev_object(const std::string& id) const;
    StoredHost& group_by(const std::string& port, int number);
    StoredVolume& volume_by(const std::string& ldev);

    nlohmann::json make_volume(const nlohmann::json& order) override;
    int map_to(StoredVolume&, const std::string& host, std::optional<int> number) override;
    nlohmann::json foreign_handle() const override;
    nlohmann::json secret() const override;
    nlohmann::json sessions() const override;
    void expire_sessions() override;
    void make_host(const nlohmann::json& order) override;
    std::string host_for(const std::string& name, const nlohmann::json& initiators) override;
    nlohmann::json further_state() const override { return {{"pairs", pairs_.size()}}; }
    void let_time_pass() override { let_pairs_go_on(); }
    nlohmann::json record(const StoredVolume& volume) const override { return ldev_object(volume.id); }
    std::vector<StoredHost*> groups_named(const std::string& name);

    std::map<std::string, std::pair<int, LabClock::Time>> sessions_; // by token
    std::vector<std::string> tokens_;
    std::vector<Job> jobs_;
    std::vector<Pair> pairs_;
    std::map<std::string, int> next_group_; // by port
    int opened_ = 0;
    int next_ldev_ = 300;
    int locks_seen_ = 0;
};

} // namespace lab::vantara
