#include "coordinator/vsphere/datastore_files.hpp"

#include "coordinator/patience.hpp"
#include "vendors/rest/url.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace xcopy::vsphere {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds first_look{20};
constexpr milliseconds longest_look{2000};
constexpr milliseconds first_retry{250};
constexpr std::chrono::minutes longest_upload{1};

bool is_one_of(std::string_view type, std::initializer_list<std::string_view> list)
{
    return std::ranges::count(list, type) > 0;
}

// In paths as in names, vCenter writes / \ and % escaped.
std::string datastore_path(std::string_view datastore, std::string_view file)
{
    std::string path = "[";
    for (const char c : datastore)
        path += c == '%' ? "%25" : c == '/' ? "%2f" : c == '\\' ? "%5c" : std::string(1, c);
    return fmt::format("{}] {}", path, file);
}

} // namespace

std::string folder_url(std::string_view datacenter, std::string_view datastore, std::string_view file)
{
    std::string path = "/folder";
    while (!file.empty()) {
        const auto end = std::min(file.find('/'), file.size());
        path += "/" + rest::percent_encode(file.substr(0, end));
        file.remove_prefix(std::min(end + 1, file.size()));
    }
    rest::Query query;
    if (!datacenter.empty())
        query.emplace_back("dcPath", datacenter);
    query.emplace_back("dsName", datastore);
    return rest::with_query(path, query);
}

TaskState read_task(const pugi::xml_node& info)
{
    const auto state = text_of(info, "state");
    if (state == "error")
        return {.is_over = true, .fault = read_localized(child(info, "error"))};
    return {.is_over = state == "success"};
}

Error file_error(const Fault& fault)
{
    auto error = error_of(fault);
    if (fault.type == "FileNotFound") {
        error.code = Errc::not_found;
        error.message = fmt::format("there is no such file ({})", rest::one_line(fault.text));
        error.remedy.clear();
    } else if (fault.type == "NoDiskSpace") {
        error.code = Errc::failed;
        error.message = "the datastore is full";
        error.remedy = "free some space on it, or name another";
        error.reason = "datastore_full";
    } else if (is_one_of(fault.type, {"FileLocked", "CannotAccessFile", "CannotDeleteFile", "FileNotWritable"})) {
        error.code = Errc::busy; // somebody has it open, which ends
        error.remedy = "it may be open on a host, or the datastore may be mounted read-only: run again later";
    } else if (fault.type == "InvalidDatastore") {
        error.code = Errc::not_found;
        error.remedy = "the datastore may have been renamed: run again";
    }
    return error;
}

DatastoreFiles::DatastoreFiles(Session& session, Ref datastore, std::string name, Datacenter datacenter,
                               Ref file_manager)
    : session_(&session), datastore_(std::move(datastore)), name_(std::move(name)), datacenter_(std::move(datacenter)),
      file_manager_(std::move(file_manager))
{}

Result<DatastoreFiles> DatastoreFiles::of(Session& session, const Call& call, const DatastoreView& datastore)
{
    if (datastore.type == "vsan" || datastore.type == "VVOL")
        return Error{
            Errc::unsupported,
            fmt::format("datastore '{}' is of type {}: its root holds no files", datastore.name, datastore.type),
            "name a VMFS or NFS datastore that the hosts mount", "datastore_without_root"};
    const auto content = session.content(call);
    if (!content)
        return content.error();
    if (!(*content)->file_manager)
        return Error{Errc::unsupported, "vCenter does not say what its FileManager is", "", "vsphere_no_file_manager"};
    auto datacenter = datacenter_of(session, call, datastore.ref);
    if (!datacenter)
        return datacenter.error();
    return DatastoreFiles(session, datastore.ref, datastore.name, std::move(*datacenter), *(*content)->file_manager);
}

// A full datastore answers an upload with some 5xx: its free space tells.
Error DatastoreFiles::explained(const Call& call, Error error) const
{
    if (error.code != Errc::unavailable && error.code != Errc::timed_out && error.code != Errc::failed)
        return error;
    const auto objects = retrieve(*session_, call.within(std::chrono::seconds(10)),
                                  {.type = "Datastore",
                                   .paths = {"summary.freeSpace", "summary.accessible"},
                                   .start = {datastore_},
                                   .skip_start = false,
                                   .hops = {}});
    const auto* store = objects ? objects->find(datastore_) : nullptr;
    if (store == nullptr)
        return error;
    constexpr std::int64_t little = 2 << 20;
    const auto free = number_of(store->value("summary.freeSpace"));
    if (store->text("summary.accessible") == "false") {
        error.message += "; no connected host reaches the datastore";
        error.remedy = "look at the datastore and its hosts in vCenter, then run again";
        error.reason = "datastore_inaccessible";
    } else if (free && *free < little) {
        error.code = Errc::failed;
        error.message += fmt::format("; the datastore has {} bytes free", *free);
        error.remedy = "free some space on the datastore, or name another";
        error.reason = "datastore_full";
    }
    return error;
}

Result<void> DatastoreFiles::put(const Call& call, const std::string& file, const std::string& bytes) const
{
    // The rest of the time is for asking why.
    const auto left =
        std::min<std::chrono::steady_clock::duration>(call.deadline - std::chrono::steady_clock::now(), longest_upload);
    const auto upload = call.within(std::chrono::duration_cast<milliseconds>(left * 3 / 4));
    auto done = session_->put(upload, folder_url(datacenter_.path, name_, file), bytes);
    if (!done)
        return explained(call, done.error()).in(fmt::format("put {} on datastore '{}'", file, name_));
    return {};
}

Result<std::string> DatastoreFiles::get(const Call& call, const std::string& file) const
{
    auto bytes = session_->get(call, folder_url(datacenter_.path, name_, file));
    if (!bytes)
        return bytes.error().in(fmt::format("get {} from datastore '{}'", file, name_));
    return bytes;
}

// Starts it once and watches it to its end.
Result<void> DatastoreFiles::task(const Call& call, const std::string& body) const
{
    std::optional<Fault> fault;
    const auto started = session_->change(call, body, fault);
    if (!started)
        return fault ? file_error(*fault) : started.error();
    const auto task = ref_of(child(started->response, "returnval"));
    if (!task)
        return Error{Errc::indeterminate, "vCenter does not say which task it began", "", "vsphere_bad_reply"};
    for (auto wait = first_look;; wait = std::min(wait * 2, longest_look)) {
        const auto objects = retrieve(
            *session_, call, {.type = "Task", .paths = {"info"}, .start = {*task}, .skip_start = false, .hops = {}});
        if (!objects) // the task goes on whether or not we hear of it
            return Error{Errc::indeterminate, objects.error().message, objects.error().remedy, objects.error().reason};
        const auto* seen = objects->find(*task);
        const auto state = seen == nullptr ? TaskState() : read_task(seen->value("info"));
        if (state.fault)
            return file_error(*state.fault);
        if (state.is_over)
            return {};
        if (!pause(call, wait))
            return Error{Errc::indeterminate, fmt::format("vCenter still works at task {}", task->id), "",
                         "vsphere_task_runs"};
    }
}

Result<void> DatastoreFiles::remove(const Call& call, const std::string& file) const
{
    auto done =
        task(call, fmt::format(R"(<DeleteDatastoreFile_Task xmlns="urn:vim25">{}{}{}</DeleteDatastoreFile_Task>)",
                               element("_this", file_manager_), element("name", datastore_path(name_, file)),
                               element("datacenter", datacenter_.ref)));
    if (!done && done.error().code != Errc::not_found)
        return done.error().in(fmt::format("remove {} from datastore '{}'", file, name_));
    return {};
}

Result<void> DatastoreFiles::move(const Call& call, const std::string& from, const std::string& to) const
{
    const auto body = fmt::format(
        R"(<MoveDatastoreFile_Task xmlns="urn:vim25">{}{}{}{}{}<force>true</force></MoveDatastoreFile_Task>)",
        element("_this", file_manager_), element("sourceName", datastore_path(name_, from)),
        element("sourceDatacenter", datacenter_.ref), element("destinationName", datastore_path(name_, to)),
        element("destinationDatacenter", datacenter_.ref));
    for (auto wait = first_retry;; wait *= 2) {
        const auto done = task(call, body);
        if (done || done.error().code != Errc::busy || !pause(call, wait)) // refused, so nothing was moved
            return done ? Result<void>()
                        : Error(done.error()).in(fmt::format("move {} to {} on datastore '{}'", from, to, name_));
    }
}

} // namespace xcopy::vsphere
