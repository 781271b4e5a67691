#include "tests/dropin/scraper.hpp"

#include <condition_variable>
#include <stdexcept>

namespace dropin {

using namespace std::chrono_literals;
using xcopy::rest::Method;

namespace {

void wait(const std::stop_token& stop, std::chrono::milliseconds time)
{
    std::mutex mutex;
    std::condition_variable_any never;
    std::unique_lock lock(mutex);
    never.wait_for(lock, stop, time, [] { return false; });
}

} // namespace

Scraper::Scraper(kube_test::KubeApi& api, ScrapeRules rules)
    : api_(api), rules_(std::move(rules)), thread_([this](const std::stop_token& stop) { run(stop); })
{}

std::vector<int> Scraper::progress() const
{
    const std::lock_guard lock(mutex_);
    return progress_;
}

std::vector<std::string> Scraper::texts() const
{
    const std::lock_guard lock(mutex_);
    return texts_;
}

void Scraper::run(const std::stop_token& stop)
{
    const auto wire = xcopy::rest::curl_transport();
    while (!stop.stop_requested()) {
        bool good = false;
        try {
            good = look(*wire, stop);
        } catch (const std::exception&) { // the API server is out of reach
        }
        if (good && !rules_.is_running())
            return;                                // for good
        wait(stop, good ? rules_.interval : 20ms); // Forklift does not wait after a failure; two cores do
    }
}

bool Scraper::look(xcopy::rest::Transport& wire, const std::stop_token& stop)
{
    const auto reply = wire.send(xcopy::Call{.stop = stop}.within(60s), {.url = rules_.url},
                                 {.skip_verification = true, .skip_setting = "the test"});
    if (!reply)
        return false;
    const auto found = read_metrics(rules_.release, reply->body, rules_.uid); // whatever the HTTP status is
    {
        const std::lock_guard lock(mutex_);
        texts_.push_back(reply->body);
        if (found.progress)
            progress_.push_back(std::stoi(*found.progress));
    }
    const bool ends_now = found.completed && !completed_.exchange(true); // marked before the resource is written
    auto resource = api_.get(rules_.path);
    const auto before = resource.value("status", Json::object());
    auto& status = resource["status"];
    if (!status.is_object())
        status = Json::object();
    if (found.progress)
        status["progress"] = *found.progress;
    for (const auto& [field, value] : found.results)
        status[field] = value;
    if (ends_now)
        resource["metadata"]["labels"]["forklift.konveyor.io/offload-completed"] = "true";
    return (status == before && !ends_now) || api_.ask(Method::put, rules_.path, resource).status == 200;
}

} // namespace dropin
