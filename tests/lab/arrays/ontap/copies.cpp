// LUN copies: jobs that end after some polls.
#include "tests/lab/arrays/ontap/state.hpp"

#include <algorithm>

namespace lab::ontap {

const Job* State::find_job(const std::string& uuid) const
{
    return with_uuid(jobs_, uuid);
}

Answer<const Job*> State::start_copy(const std::string& source, const NewLun& target)
{
    const auto* from = find_lun(source);
    if (!from)
        return Refusal{"1254201", "The source LUN does not exist.", "copy.source"};
    if (std::ranges::count(jobs_, "running", &Job::state) >= switches_.most_copies)
        return Refusal{"7018877", "Maximum combined LUN copies and moves are in progress.", "copy.source"};
    auto wanted = target;
    wanted.size = from->size;
    wanted.os_type = from->os_type;
    auto made = create_lun(wanted);
    if (!made)
        return Refusal{"1254196", made.error().message, "name"};

    jobs_.push_back({.uuid = names_.next_uuid(),
                     .source = source,
                     .target = (*made)->uuid,
                     .polls_left = switches_.copy_polls,
                     .state = "running",
                     .message = "",
                     .code = 0});
    with_uuid(luns_, jobs_.back().target)->job = jobs_.back().uuid;
    return &jobs_.back();
}

const Job* State::poll_job(const std::string& uuid)
{
    auto* job = with_uuid(jobs_, uuid);
    if (!job || job->state != "running" || --job->polls_left > 0)
        return job;

    const auto* source = find_lun(job->source);
    const auto* target = find_lun(job->target);
    if (switches_.copy_fails || !source || !target) {
        job->state = "failure";
        job->message = "The LUN copy failed.";
        job->code = 7018919; // destination busy
        return job;
    }
    std::filesystem::copy_file(file_of(*source), file_of(*target), std::filesystem::copy_options::overwrite_existing);
    job->state = "success";
    return job;
}

} // namespace lab::ontap
