// An HPE Primera (or 3PAR, or Alletra: see the switches) as its web services API shows it (facts/arrays/primera3par.md).
#pragma once

#include "tests/lab/arrays/byte_copy.hpp"
#include "tests/lab/arrays/inventory.hpp"
#include "tests/lab/arrays/primera3par/query.hpp"
#include "tests/lab/arrays/primera3par/refusal.hpp"
#include "tests/lab/arrays/simulated_array.hpp"
#include "tests/lab/arrays/switches.hpp"

namespace lab::primera3par {

struct Task {
    int id = 0;
    std::string source; // ids of volumes
    std::string target;
    std::string name;
    int status = 2; // 1 done, 2 active, 3 cancelled, 4 failed
    LabClock::Time begun;
    ByteCopy bytes;
};

class Primera3par : public VendorModel {
public:
    explicit Primera3par(const ModelConfig& config);

    Response answer(const Request& request) override;
    nlohmann::json control(const std::string& verb, const nlohmann::json& order) override;
    std::optional<std::string> set_switches(const nlohmann::json& values) override { return switches_.set(values); }
    nlohmann::json uncertain_switches() const override { return switches_.uncertain(); }

private:
    using Path = std::vector<std::string>; // what follows /api/v1

    // api.cpp
    Response route(const Request& request, const Path& path);
    Response sign_in(const Request& request);
    void check_session(const Request& request);
    void drop_idle_sessions();
    Response volumes(const Request& request, const Path& path);
    nlohmann::json volume_record(const StoredVolume& volume) const;
    Response listed(const Request& request, nlohmann::json members, const std::string& query_switch) const;
    nlohmann::json body_of(const Request& request, const nlohmann::json& fields) const;

    // api_hosts.cpp
    Response hosts(const Request& request, const Path& path);
    Response host_sets(const Request& request, const Path& path);
    Response create_host(const nlohmann::json& body);
    Response change_host(StoredHost& host, const nlohmann::json& body);
    nlohmann::json host_record(const StoredHost& host) const;
    nlohmann::json set_record(const StoredGroup& set) const;
    std::vector<std::string> new_paths(const nlohmann::json& body); // checked; 73 for one that is taken

    // api_vluns.cpp
    Response vluns(const Request& request, const Path& path);
    Response create_vlun(const nlohmann::json& body);
    Response delete_vlun(const std::string& key);
    nlohmann::json rows() const;
    std::string target_name(const StoredMap& map) const; // "esx-1", "set:cluster"
    std::string key_of(const StoredMap& map) const;      // "volume,lun,host[,n:s:p]"
    int free_number(const std::set<int>& used, int from) const;
    std::set<int> used_by(const StoredMap& map) const; // numbers that those who would see it see already

    // copies.cpp
    Response start_copy(StoredVolume& source, const nlohmann::json& parameters);
    Response tasks(const Request& request, const Path& path);
    nlohmann::json task_record(const Task& task) const;
    bool is_target(const std::string& volume) const; // of a running copy
    void stop_copy(const std::string& target);       // 400 when there is none
    void advance();                                  // running copies have come as far as the clock says

    // control.cpp
    nlohmann::json create_volume(const nlohmann::json& order);
    nlohmann::json map(const nlohmann::json& order);
    void unmap(const nlohmann::json& order);
    StoredHost& create_host_object(const nlohmann::json& order);
    nlohmann::json mappings() const;
    nlohmann::json state() const;
    StoredVolume& volume_in(const nlohmann::json& order);

    const std::string user_;
    const std::string password_;
    const LabClock& clock_;
    Switches switches_;
    Inventory inventory_;
    std::map<std::string, LabClock::Time> sessions_; // key to its last use
    std::vector<std::string> tokens_;                // all that were handed out
    std::vector<Task> tasks_;
    int next_volume_ = 6189;
    int next_id_ = 12;
    int next_task_ = 4711;
};

bool is_array_name(const std::string& text); // the characters of a name, not its length
Response json_response(int status, const nlohmann::json& body);
bool is_iscsi(const std::string& initiator);
std::string as_array_writes(const std::string& initiator); // a WWPN in upper case
nlohmann::json port_position(const std::string& port);     // "0:1:2"

} // namespace lab::primera3par
