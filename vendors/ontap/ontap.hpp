// NetApp ONTAP 9.11.1 and newer, AFF, FAS, ASA and ASA r2 (facts/arrays/ontap.md).
#pragma once

#include "vendors/array.hpp"
#include "vendors/array_config.hpp"
#include "vendors/ontap/parse.hpp"
#include "vendors/rest/api.hpp"
#include "vendors/settle.hpp"

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace xcopy::ontap {

class Ontap : public Array, public LunNumbers {
public:
    Ontap(rest::Transport&, rest::ApiRules, std::unique_ptr<rest::SignIn>, std::string svm_name, rest::Clock&);

    Result<ArrayInfo> info(const Call&) override;
    Result<Volume> find_volume(const Call&, const VolumeHandle&) override;
    Result<ArrayHost> ensure_host(const Call&, const HostIdentity&) override;
    Result<std::vector<Mapping>> mappings_of(const Call&, const Volume&) override;
    Result<Mapping> map(const Call&, const Volume&, const ArrayHost&, std::optional<int> lun) override;
    Result<void> unmap(const Call&, const Volume&, const ArrayHost&) override;

    LunNumbers* lun_numbers() override { return this; }
    int highest() const override { return highest_lun_number; }
    Result<std::set<int>> used_by(const Call&, const ArrayHost&) override;

private:
    using Records = Result<std::vector<rest::Json>>;

    Result<Svm> svm(const Call&);
    Result<Svm> choose_svm(const Call&);
    Records list(const Call&, std::string_view path, rest::Query, const Svm* = nullptr);
    Records look_for_lun(const Call&, const Svm&, const LunPlace&);
    Result<std::optional<rest::Json>> find_igroup(const Call&, const Svm&, std::string_view name);
    Result<void> add_initiators(const Call&, const rest::Json& igroup, const std::vector<std::string>& missing);
    Settling settling(const Call&);

    rest::Api api_;
    const std::string svm_name_;
    rest::Throttle choosing_svm_{1};
    std::optional<Svm> svm_; // guarded by choosing_svm_
};

// Errc::bad_request with every problem of the configuration.
Result<std::unique_ptr<Array>> make_ontap(const ArrayConfig&, rest::Transport&, rest::Clock& = rest::real_clock());

} // namespace xcopy::ontap
