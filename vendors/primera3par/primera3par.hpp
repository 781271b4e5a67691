// HPE 3PAR, Primera, Alletra 9000 and Alletra Storage MP B10000 (facts/arrays/primera3par.md).
#pragma once

#include "vendors/array.hpp"
#include "vendors/array_config.hpp"
#include "vendors/rest/api.hpp"

#include <mutex>

namespace xcopy::primera3par {

// parse.cpp: from the array's JSON and numbers to ours. An ArrayHost's id is "host:esx-1" or "set:cluster".
bool is_wwn(std::string_view hex);
std::string spelled(std::string_view initiator);
std::string hostname_of(const std::string& host_id); // in an export: "esx-1", "set:cluster"; empty: that id is none
Result<Volume> parse_volume(const rest::Json& record);
ArrayHost parse_host(const rest::Json& record);
std::vector<Mapping> mappings_in(const std::vector<rest::Json>& exports);
std::string template_in(const rest::Json& row); // the last part of its path; empty for an active path
bool is_copy(const rest::Json& task, const ArrayCopy& copy);
ArrayCopyState state_of(const rest::Json& task);
std::optional<Error> decode_error(const rest::Reply& reply, const rest::Json* json);
bool has_lapsed(const rest::Reply& reply);
bool key_in_use(const rest::Reply& reply);

// Refusals after which it may be done already: host 16, LUN number or export 18 and 29, initiator 73.
constexpr std::string_view done_already[] = {"primera3par_16", "primera3par_18", "primera3par_29", "primera3par_73"};

class Primera3par : public Array, public LunNumbers, public VolumeCopier {
public:
    Primera3par(rest::Transport& wire, rest::ApiRules rules, std::unique_ptr<rest::SignIn> sign_in, rest::Clock& clock)
        : api_(wire, std::move(rules), std::move(sign_in), clock)
    {}
    Result<ArrayInfo> info(const Call&) override;
    Result<Volume> find_volume(const Call&, const VolumeHandle&) override;
    Result<ArrayHost> ensure_host(const Call&, const HostIdentity&) override;
    Result<std::vector<Mapping>> mappings_of(const Call&, const Volume&) override;
    Result<Mapping> map(const Call&, const Volume&, const ArrayHost&, std::optional<int> lun) override;
    Result<void> unmap(const Call&, const Volume&, const ArrayHost&) override;

    LunNumbers* lun_numbers() override { return this; }
    int highest() const override { return 16383; }
    Result<std::set<int>> used_by(const Call&, const ArrayHost&) override;

    VolumeCopier* volume_copier() override { return this; } // copies.cpp
    bool copies(DiskBacking::Kind) const override { return true; }
    Result<Volume> find_source(const Call&, const DiskBacking&) override;
    Result<void> check(const Call& call, const ArrayCopy& copy) override
    {
        return check_unmapped_target(*this, call, copy);
    }
    Result<ArrayCopyState> start(const Call&, const ArrayCopy&) override;
    Result<ArrayCopyState> look(const Call&, const ArrayCopy&) override;
    Result<void> cancel(const Call&, const ArrayCopy&) override;
    Result<void> forget(const Call&, const ArrayCopy&) override { return {}; } // the array forgets tasks by itself

private:
    Result<std::vector<rest::Json>> list(const Call&, const std::string& kind, const std::string& query = "");
    Result<std::vector<rest::Json>> exports_of(const Call&, const Volume&, bool everything = false);
    Result<std::optional<Mapping>> reaching(const Call&, const Volume&, const ArrayHost&, bool everything);
    Result<std::optional<rest::Json>> task_of(const Call&, const ArrayCopy&);

    rest::Api api_;
    std::mutex mutex_;
    std::map<std::string, std::int64_t> started_; // target to the task that this process started
};

// Errc::bad_request with every problem of the configuration.
Result<std::unique_ptr<Array>> make_primera3par(const ArrayConfig&, rest::Transport&,
                                                rest::Clock& = rest::real_clock());

} // namespace xcopy::primera3par
