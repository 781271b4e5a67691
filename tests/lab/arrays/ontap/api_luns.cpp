#include "tests/lab/arrays/ontap/api.hpp"
#include "tests/lab/arrays/ontap/records.hpp"

namespace lab::ontap {

using nlohmann::json;

Answer<Success> Api::list_luns(const Call& call)
{
    std::vector<Record> records;
    for (const auto& lun : state_.luns()) {
        if (!call.sees(lun.svm) || lun.hidden_reads > 0)
            continue;
        auto record = lun_record(state_, switches_, lun);
        if (switches_.missing_serial_first_read && !lun.serial_read) {
            record.erase("serial_number");
            record.erase("serial_number_hex");
        }
        records.push_back({lun.order, std::move(record)});
    }
    auto answer = list(call.request, lun_schema(switches_), switches_, records);
    if (answer)
        state_.luns_were_listed(switches_.missing_serial_first_read);
    return answer;
}

Answer<Success> Api::get_lun(const Call& call)
{
    const auto* lun = state_.find_lun(call.path[0]);
    if (!lun || !call.sees(lun->svm) || lun->hidden_reads > 0) {
        state_.luns_were_listed(false);
        return Refusal{"4", "entry doesn't exist", "uuid"};
    }
    return select_fields(call.request, lun_schema(switches_), switches_, lun_record(state_, switches_, *lun), true);
}

Answer<Success> Api::create_lun(const Call& call)
{
    if (auto refusal =
            unexpected_key(call, {"svm", "name", "os_type", "space", "class", "copy", "comment", "location"}))
        return *refusal;
    auto svm = svm_of(call);
    if (!svm)
        return svm.error();
    State::NewLun wanted{.svm = (*svm)->name,
                         .name = string_or(call.body, "name", ""),
                         .size = call.body.value("/space/size"_json_pointer, std::uint64_t(0)),
                         .lun_class = string_or(call.body, "class", "regular"),
                         .os_type = string_or(call.body, "os_type", ""),
                         .serial = ""};

    if (call.body.contains("copy")) {
        const auto source = call.body.value("/copy/source"_json_pointer, json::object());
        const auto* source_svm = state_.find_svm(
            source.value("/svm/uuid"_json_pointer, source.value("/svm/name"_json_pointer, (*svm)->name)));
        auto job = state_.start_copy(source_svm ? lun_uuid(source, source_svm->name) : "", wanted);
        if (!job)
            return job.error();
        return Success{.status = 202, .body = {{"job", {{"uuid", (*job)->uuid}}}}, .location = ""};
    }

    if (wanted.size == 0 || wanted.os_type.empty())
        return Refusal{"2", "A LUN needs \"space.size\" and \"os_type\".", "space.size"};
    auto lun = state_.create_lun(wanted);
    if (!lun)
        return lun.error();
    return created(call.request, "/api/storage/luns/" + (*lun)->uuid,
                   json::array({lun_record(state_, switches_, **lun)}));
}

Answer<Success> Api::delete_lun(const Call& call)
{
    const auto* lun = state_.find_lun(call.path[0]);
    if (!lun || !call.sees(lun->svm))
        return Refusal{"4", "entry doesn't exist", "uuid"};
    auto gone = state_.delete_lun(lun->uuid, flag(call.request, "allow_delete_while_mapped"));
    if (!gone)
        return gone.error();
    return Success{};
}

} // namespace lab::ontap
