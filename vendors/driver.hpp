// What all drivers do in the same way. A driver answers the protected questions in its array's words; the verbs that
// change something are here: they look first, change, and look again wherever a change is in doubt.
#pragma once

#include "vendors/array.hpp"
#include "vendors/array_config.hpp"
#include "vendors/config_check.hpp"
#include "vendors/error_table.hpp"
#include "vendors/host_object.hpp"
#include "vendors/outcome.hpp"
#include "vendors/rest/api.hpp"
#include "vendors/rest/pages.hpp"
#include "vendors/settle.hpp"
#include "vendors/text.hpp"

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace xcopy {

// What made<>() puts together for a driver.
struct Wiring {
    rest::Transport& transport;
    rest::ApiRules rules;
    std::unique_ptr<rest::SignIn> sign_in;
    rest::Clock& clock;
};

class Driver : public Array {
public:
    explicit Driver(Wiring);

    Result<std::vector<Mapping>> mappings_of(const Call&, const Volume&) final;
    Result<Mapping> map(const Call&, const Volume&, const ArrayHost&, std::optional<int> lun) final;
    Result<void> unmap(const Call&, const Volume&, const ArrayHost&) final;

protected:
    // Ids that become part of a path or a command: Errc::bad_request for any that cannot be the array's.
    virtual bool are_ids(const Volume&, const ArrayHost&) const = 0;

    // One object may stand there several times: the first counts, with the initiators of all.
    virtual Result<std::vector<Mapping>> read_mappings(const Call&, const Volume&) = 0;

    // The mapping through which the volume reaches that host; `in_doubt` after a refused change, when a filter may have
    // hidden it.
    virtual Result<std::optional<Mapping>> reaching(const Call&, const Volume&, const ArrayHost&, bool in_doubt);

    // Connects; the mapping where the reply proves it. It is called again when the outcome was in doubt.
    virtual Result<std::optional<Mapping>> connect(const Call&, const Volume&, const ArrayHost&,
                                                   std::optional<int> lun) = 0;
    // Takes away what connect() made, and nothing else; called again when the outcome was in doubt.
    virtual Result<void> disconnect(const Call&, const Volume&, const ArrayHost&) = 0;
    virtual Result<bool> is_gone(const Call&, const Volume&, const ArrayHost&); // asked after a failure

    virtual Afterwards after_error(const Error&) const { return Afterwards::give_up; }
    virtual Settling settling(const Call&) const;
    Error error(Errc, std::string_view why, std::string_view remedy = "", std::string_view reason = "") const;
    Error wrong_array(std::string_view volume, std::string_view theirs, std::string_view ours) const;
    Error answered_another(std::string_view asked_for) const;
    // The record, if these fields hold what was asked for.
    using Fields = std::vector<std::pair<std::string_view, std::string>>;
    Result<rest::Json> only(const Result<rest::Json>& record, const Fields&, std::string_view asked_for) const;
    // Ids are given out again; the name in the handle shows that this is still the PersistentVolume's.
    Result<Volume> unless_renamed(const Volume&, std::string_view name_in_handle) const;
    // The same by the WWN that the array's record of it has in that field.
    Result<void> unless_replaced(const Volume&, const rest::Json& record, std::string_view wwn_field,
                                 Errc = Errc::not_found) const;
    const std::string& array() const { return api_.rules().array; }

    rest::Api api_;
};

Error no_ids(const Volume&, const ArrayHost&);
Error not_a_handle(const VolumeHandle&, std::string_view of, std::string_view csi_driver);
Error about(const Volume&, Errc, std::string_view why, std::string_view remedy = "", std::string_view reason = "");

// The volume, with that size, if its NAA is well formed and begins in one of these ways ("naa.600a0980"); else
// Errc::failed, for what is written to it would go elsewhere.
Result<Volume> proven(Volume volume, std::int64_t bytes, std::initializer_list<std::string_view> naa_begins);

std::set<int> numbers_in(const std::vector<rest::Json>& records, std::string_view field); // LUN numbers of a list
Result<std::set<int>> numbers_in(const Result<std::vector<rest::Json>>& records, std::string_view field);
std::optional<int> number_in(const rest::Json& record, std::string_view field);

// What an array is asked for once: kept after the first success, one caller asking at a time.
template <class Value> class Learned {
public:
    template <class Ask> Result<Value> get(const Call& call, const Ask& ask)
    {
        const auto turn = asking_.enter(call);
        if (!turn)
            return turn.error();
        if (!value_) {
            auto answer = ask();
            if (!answer)
                return std::move(answer).error();
            value_.emplace(std::move(*answer));
        }
        return Result<Value>(boost::system::in_place_value, *value_);
    }

private:
    rest::Throttle asking_{1};
    std::optional<Value> value_; // guarded by asking_
};

// For make_…(): signs in, decodes errors, and is ready.
template <class Made, class... More>
Result<std::unique_ptr<Array>> made(rest::Transport& transport, Result<rest::ApiRules> rules, rest::ErrorDecoder decode,
                                    std::unique_ptr<rest::SignIn> sign_in, rest::Clock& clock, More&&... more)
{
    if (!rules)
        return rules.error();
    rules->decode_error = std::move(decode);
    return std::unique_ptr<Array>(std::make_unique<Made>(
        Wiring{transport, std::move(*rules), std::move(sign_in), clock}, std::forward<More>(more)...));
}

} // namespace xcopy
