#include "vendors/ontap/ontap.hpp"

#include "vendors/ontap/errors.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <array>
#include <utility>

namespace xcopy::ontap {

using rest::Json;
using rest::text_at;
using namespace std::chrono_literals;

namespace {

// A loaded array may not show a LUN for some seconds after it was made (facts 8).
constexpr std::array<std::chrono::milliseconds, 4> pauses_until_visible{250ms, 500ms, 1000ms, 2000ms};

} // namespace

Ontap::Ontap(rest::Transport& transport, rest::ApiRules rules, std::unique_ptr<rest::SignIn> sign_in,
             std::string svm_name, rest::Clock& clock)
    : api_(transport, std::move(rules), std::move(sign_in), clock), svm_name_(std::move(svm_name))
{}

Result<ArrayInfo> Ontap::info(const Call& call)
{
    const auto cluster = api_.get(call, "/api/cluster", {{"fields", "**"}});
    if (!cluster)
        return cluster.error();
    ArrayInfo info = parse_cluster(*cluster);
    // An account of one SVM may not read the nodes; then the model stays unknown.
    if (const auto nodes = api_.get(call, "/api/cluster/nodes", {{"fields", "model"}}))
        if (const Json& records = rest::list_at(*nodes, "records"); !records.empty())
            info.model = text_at(records.front(), "model");
    return info;
}

// Every list is limited to one SVM, for names repeat between SVMs.
Result<Svm> Ontap::svm(const Call& call)
{
    const auto turn = choosing_svm_.enter(call);
    if (!turn)
        return turn.error();
    if (!svm_) {
        auto chosen = choose_svm(call);
        if (!chosen)
            return Error(chosen.error()).in("find the SVM");
        svm_ = std::move(*chosen);
    }
    return *svm_;
}

Result<Svm> Ontap::choose_svm(const Call& call)
{
    rest::Query query{{"fields", "name,uuid"}};
    if (!svm_name_.empty())
        query.emplace_back("name", literal(svm_name_));
    auto records = list(call, "/api/svm/svms", query);
    if (!records)
        return records.error();
    std::vector<Svm> svms;
    std::string names;
    for (const Json& record : *records) {
        Svm svm{text_at(record, "uuid"), text_at(record, "name")};
        if (svm.uuid.empty() || (!svm_name_.empty() && svm.name != svm_name_))
            continue;
        names += (names.empty() ? "" : ", ") + svm.name;
        svms.push_back(std::move(svm));
    }
    if (svms.size() == 1)
        return svms.front();
    if (!svm_name_.empty())
        return Error{Errc::not_found, fmt::format("{}: no SVM is called '{}'", api_.rules().array, svm_name_),
                     "set ONTAP_SVM to the SVM of the Trident backend"};
    return Error{Errc::bad_request,
                 svms.empty() ? fmt::format("{}: the account sees no SVM", api_.rules().array)
                              : fmt::format("{}: the account sees several SVMs: {}", api_.rules().array, names),
                 "set ONTAP_SVM to the SVM of the Trident backend"};
}

Ontap::Records Ontap::list(const Call& call, std::string_view path, const rest::Query& query)
{
    return rest::all_records(api_, call, rest::with_query(path, query), split_page);
}

Result<Volume> Ontap::find_volume(const Call& call, const VolumeHandle& handle)
{
    const auto attribute = [&handle](const std::string& key) {
        const auto found = handle.attributes.find(key);
        return found == handle.attributes.end() ? std::string() : found->second;
    };
    if (attribute("protocol") == "file")
        return Error{Errc::unsupported, fmt::format("volume {} is a file share, not a LUN", handle.handle),
                     "use a StorageClass of the driver ontap-san or ontap-san-economy"};

    LunPlace place;
    std::string volume; // when the LUN's own name is only a guess
    if (const auto id = attribute("internalID"); !id.empty()) {
        auto parsed = parse_internal_id(id);
        if (!parsed)
            return parsed.error();
        place = std::move(*parsed);
    } else {
        auto named = volume_of_internal_name(attribute("internalName"));
        if (!named)
            return Error(named.error()).in(fmt::format("volume {}", handle.handle));
        volume = std::move(*named);
        place.name = fmt::format("/vol/{}/lun0", volume);
    }

    const auto svm = this->svm(call);
    if (!svm)
        return svm.error();
    if (!place.svm.empty() && place.svm != svm->name)
        return Error{Errc::conflict,
                     fmt::format("wrong array or SVM configured: volume {} is in SVM '{}', ONTAP_SVM is '{}'",
                                 handle.handle, place.svm, svm->name),
                     "use the secret of the array the StorageClass belongs to"};

    auto records = look_for_lun(call, *svm, place.name, volume);
    if (!records)
        return Error(records.error()).in(fmt::format("find LUN {}", place.name));
    if (records->empty())
        return Error{Errc::not_found,
                     fmt::format("{}: no LUN {} in SVM '{}'", api_.rules().array, place.name, svm->name),
                     "check that STORAGE_HOSTNAME and ONTAP_SVM are those of the Trident backend"};
    if (records->size() > 1)
        return Error{Errc::conflict, fmt::format("{}: {} LUNs in volume {} of SVM '{}', and none is lun0",
                                                 api_.rules().array, records->size(), volume, svm->name)};
    return read_lun(call, records->front());
}

// The LUN of that name; else, when `volume` is given, everything in that FlexVol (a LUN that Trident imported kept its
// own name).
Ontap::Records Ontap::look_for_lun(const Call& call, const Svm& svm, std::string_view name, std::string_view volume)
{
    for (std::size_t look = 0;; ++look) {
        auto records = luns_named(call, svm, literal(name));
        if (!records)
            return records;
        std::erase_if(*records, [&](const Json& lun) { return text_at(lun, "name") != name; });
        if (records->empty() && !volume.empty()) {
            const auto folder = fmt::format("/vol/{}/", volume);
            records = luns_named(call, svm, folder + "*");
            if (!records)
                return records;
            std::erase_if(*records, [&](const Json& lun) { return !text_at(lun, "name").starts_with(folder); });
        }
        if (!records->empty() || look == pauses_until_visible.size())
            return records;
        if (auto waited = api_.clock().wait(call, pauses_until_visible[look]); !waited)
            return waited.error().code == Errc::cancelled ? Records(waited.error()) : records;
    }
}

Ontap::Records Ontap::luns_named(const Call& call, const Svm& svm, std::string_view pattern)
{
    auto records = list(call, luns_path,
                        {{"svm.uuid", svm.uuid}, {"name", std::string(pattern)}, {"fields", std::string(lun_fields)}});
    if (records)
        std::erase_if(*records, [&](const Json& lun) {
            const auto uuid = text_at(lun, "svm.uuid");
            return !uuid.empty() && uuid != svm.uuid;
        });
    return records;
}

// Some releases leave fields out of a search by name; the record itself has them (facts 8).
Result<Volume> Ontap::read_lun(const Call& call, const Json& record)
{
    auto lun = parse_lun(record);
    if (lun || !is(lun.error(), "no_serial"))
        return lun;
    const auto full = api_.get(call, fmt::format("{}/{}", luns_path, rest::percent_encode(text_at(record, "uuid"))),
                               {{"fields", std::string(lun_fields)}});
    if (!full)
        return full.error();
    if (text_at(*full, "uuid") != text_at(record, "uuid") || text_at(*full, "name") != text_at(record, "name"))
        return Error{Errc::failed, fmt::format("{}: asked for LUN {} the array answered with another one",
                                               api_.rules().array, text_at(record, "name"))};
    return parse_lun(*full);
}

Result<std::unique_ptr<Array>> make_ontap(const ArrayConfig& config, rest::Transport& transport, rest::Clock& clock)
{
    const auto url = base_url(config.hostname);
    std::string problems;
    const auto complain = [&problems](std::string_view problem) {
        problems += (problems.empty() ? "" : "; ") + std::string(problem);
    };
    if (!url)
        complain(url.error().message);
    if (config.username.empty())
        complain("STORAGE_USERNAME is empty");
    if (config.password.empty())
        complain("STORAGE_PASSWORD is empty");
    if (!problems.empty())
        return Error{Errc::bad_request, "NetApp ONTAP: " + problems,
                     "complete the array's secret, see docs/arrays/ontap.md", "bad_array_config"};

    rest::ApiRules rules{.array = "NetApp ONTAP at " + url->substr(url->find("://") + 3),
                         .base_url = *url,
                         .tls = {.ca_file = config.ca_file, .skip_verification = config.skip_tls_verification},
                         .headers = {{"Accept", "application/json"}, {"X-Dot-Client-App", "xcopy"}},
                         .retry = {.first = 1000ms, .longest = 6000ms, .growth = 1.414}, // Trident's, facts 8
                         .max_concurrent = 20,
                         .decode_error = decode_error};
    return std::unique_ptr<Array>(std::make_unique<Ontap>(transport, std::move(rules),
                                                          rest::basic(config.username, config.password),
                                                          config.extra_or_empty("ONTAP_SVM"), clock));
}

} // namespace xcopy::ontap
