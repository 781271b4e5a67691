// What an agent before this one left behind.
#include "agent/host_clock.hpp"
#include "agent/jobs.hpp"
#include "agent/log.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sys/stat.h>
#include <unistd.h>

namespace xcopy {

Result<void> Jobs::adopt()
{
    const std::string root = config_.state_dir + "/jobs";
    if (::mkdir(root.c_str(), 0700) != 0 && errno != EEXIST)
        return Error{Errc::failed, fmt::format("{}: {}", root, std::strerror(errno)), "make state_dir writable"};
    auto ids = list_jobs(root);
    if (!ids)
        return std::move(ids.error()).in("look for jobs in " + root);
    for (const auto& id : *ids)
        adopt_one(id);
    std::sort(queue_.begin(), queue_.end(),
              [](const JobPtr& a, const JobPtr& b) { return a->order.ordered_ms < b->order.ordered_ms; });
    number_queue();
    return {};
}

void Jobs::adopt_one(const std::string& id)
{
    auto job = std::make_shared<Job>(dir_of(id));
    auto order = job->dir.order();
    if (!order) {
        log::error("order unreadable", {{"job", id}, {"reason", order.error().message}});
        job->order.id = id;
        job->may_be_written = true; // to a device nobody knows: writer_of() answers it for every device
        if (!may_still_be_written(*job))
            return;
        job->status.error =
            Error{Errc::indeterminate,
                  fmt::format("the order of clone {} cannot be read, and its vmkfstools may be running", id),
                  "no device of this host is cloned to or detached until it has ended; a restart of the "
                  "host ends it for certain",
                  "order_unreadable"};
        job->status.state = CloneState::indeterminate;
        job->status.id = id;
        jobs_[id] = job;
        return;
    }
    job->order = *order;
    auto& status = job->status;
    status.id = id;
    // Above anything a client may have seen before the restart, so that no watcher waits for a revision long passed.
    status.revision = static_cast<std::uint64_t>(unix_ms());
    status.source = order->request.source;
    status.target_naa = order->request.target_naa;
    status.target_size = order->request.target_size;
    status.source_size = order->source_size;
    status.ordered_ms = order->ordered_ms;
    jobs_[id] = job;

    const bool begun = ::access((job->dir.path() + "/begun").c_str(), F_OK) == 0;
    auto left = job->dir.status();
    const std::optional<JobStatus> last = left ? *left : std::nullopt;
    if (last) {
        status.state = CloneState::running;
        take(*job, *last);
        if (is_final(last->state)) {
            status.state = last->state;
            status.error = last->error;
            return;
        }
    }
    const Writer writer = begun ? writer_state(job->dir, last, order->boot_ms, host_boot_ms()) : Writer::gone;
    const bool stopping = job->dir.cancel_requested().has_value();
    ++busy_; // given back by finish()
    if (!begun && stopping) {
        finish(*job, CloneState::cancelled, job->dir.cancel_requested());
    } else if (!begun && same_boot(order->boot_ms, host_boot_ms())) {
        --busy_;
        status.state = CloneState::queued;
        queue_.push_back(job);
        log::info("clone queued again", {{"job", id}});
    } else if (!begun) {
        finish(*job, CloneState::failed,
               Error{Errc::failed, "the host restarted before the copy began; nothing was written",
                     "order the clone again", "host_restarted"});
    } else if (writer == Writer::gone) {
        settle_without_writer(*job, last);
    } else {
        status.state = stopping ? CloneState::cancelling : CloneState::running;
        adopted_.push_back(job);
        log::info("clone adopted", {{"job", id}, {"percent", fmt::to_string(status.percent)}});
    }
}

} // namespace xcopy
