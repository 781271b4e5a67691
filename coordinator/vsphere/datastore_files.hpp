// Files in a datastore, through vCenter: /folder carries their bytes, the FileManager changes their names.
#pragma once

#include "coordinator/vsphere/vcenter.hpp"

#include <string>
#include <string_view>

namespace xcopy::vsphere {

class DatastoreFiles {
public:
    // The session must outlive it. Refuses datastores whose root holds no files (vSAN, vVol).
    static Result<DatastoreFiles> of(Session& session, const Call& call, const DatastoreView& datastore);

    const std::string& datastore() const { return name_; }

    // All may run twice. A put that breaks leaves part of the file.
    Result<void> put(const Call& call, const std::string& file, const std::string& bytes) const;
    Result<std::string> get(const Call& call, const std::string& file) const;
    Result<void> remove(const Call& call, const std::string& file) const; // removing the absent succeeds
    // What has that name is replaced. vCenter does not say whether there is a moment without it. Errc::indeterminate:
    // vCenter's answer was lost; Errc::not_found: there is no `from`, which may mean that it was moved already.
    Result<void> move(const Call& call, const std::string& from, const std::string& to) const;

private:
    DatastoreFiles(Session& session, Ref datastore, std::string name, Datacenter datacenter, Ref file_manager);

    Result<void> task(const Call& call, const std::string& body) const;
    Error explained(const Call& call, Error error) const;

    Session* session_;
    Ref datastore_;
    std::string name_;
    Datacenter datacenter_;
    Ref file_manager_;
};

std::string folder_url(std::string_view datacenter, std::string_view datastore, std::string_view file);

// What a task says of itself: queued, running, success, error.
struct TaskState {
    bool is_over = false;
    std::optional<Fault> fault{};
};
TaskState read_task(const pugi::xml_node& info);

Error file_error(const Fault& fault); // what a refusal of the FileManager means, and what to do

} // namespace xcopy::vsphere
