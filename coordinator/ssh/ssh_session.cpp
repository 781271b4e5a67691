#include "coordinator/ssh/ssh_session.hpp"

#include "coordinator/ssh/shell_words.hpp"
#include "coordinator/ssh/ssh_task.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

namespace xcopy {

using ssh::Connection;
using ssh::Moved;
using ssh::Phase;
using ssh::Task;

namespace {

Error closed()
{
    return Error{Errc::cancelled, "the connection was closed", "", "session_closed"};
}

} // namespace

class SshSession::Impl {
public:
    Impl(SshAddress host, SshLogin login, HostKeys& keys, SshLimits limits)
        : host_(std::move(host)), login_(std::move(login)), keys_(keys), limits_(limits), thread_([this] { work(); })
    {}
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;
    ~Impl()
    {
        {
            const std::lock_guard lock(mutex_);
            closing_ = true;
        }
        waker_.wake();
        thread_.join();
        std::unique_lock lock(mutex_);
        left_.wait(lock, [this] { return callers_ == 0; });
    }

    Result<SshOutput> exec(const Call& call, SshCommand command);

    std::shared_ptr<void> leave_to_stay()
    {
        std::shared_ptr<void> leave(staying_.get(), [held = staying_](void*) { --*held; });
        return ++*staying_ <= static_cast<int>(limits_.commands_at_once / 2) ? leave : nullptr;
    }

    const SshAddress& host() const { return host_; }
    std::optional<HostKey> host_key() const
    {
        const std::lock_guard lock(mutex_);
        return host_key_;
    }
    int connections() const
    {
        const std::lock_guard lock(mutex_);
        return connections_;
    }
    Result<void> insist_on(const std::string& host_key);

private:
    using Clock = std::chrono::steady_clock;
    using Tasks = std::vector<std::shared_ptr<Task>>;

    void work();
    bool admit();
    bool wanted();
    void connect();
    void drive();
    void lose(const Error& error);
    void end(Task& task);

    const SshAddress host_;
    const SshLogin login_;
    HostKeys& keys_;
    const SshLimits limits_;
    const ssh::Waker waker_{};
    const std::shared_ptr<std::atomic<int>> staying_ = std::make_shared<std::atomic<int>>(0);

    mutable std::mutex mutex_{};
    std::condition_variable_any ended_{};
    Tasks tasks_{};   // in the order of arrival; the first few of them are active
    int callers_ = 0; // inside exec: nothing of this may go before they are out
    std::condition_variable left_{};
    bool closing_ = false;
    std::optional<HostKey> host_key_{};
    int connections_ = 0;

    Tasks active_{}; // these belong to the thread
    std::unique_ptr<Connection> connection_{};
    Clock::time_point used_{};
    std::thread thread_; // last: it uses all of the above
};

Result<SshOutput> SshSession::Impl::exec(const Call& call, SshCommand command)
{
    auto task = std::make_shared<Task>(Task{.command = std::move(command)});
    std::unique_lock lock(mutex_);
    ++callers_;
    const std::shared_ptr<void> inside(this, [](Impl* session) { // goes before the lock does
        --session->callers_;
        session->left_.notify_all();
    });
    if (closing_)
        return closed().in(fmt::format("host '{}'", host_.name));
    tasks_.push_back(task);
    waker_.wake();
    const auto latest = std::min(call.deadline, Clock::now() + std::chrono::hours(24 * 365));
    ended_.wait_until(lock, call.stop, latest, [&] { return task->done; });
    if (task->done) {
        if (task->error)
            return std::move(*task->error).in(fmt::format("host '{}'", host_.name));
        return std::move(task->output);
    }
    task->abandoned = true;
    waker_.wake();
    const bool stopped = call.stop.stop_requested();
    return Error{
        stopped ? Errc::cancelled : Errc::timed_out,
        fmt::format("host '{}': {} before the command had ended", host_.name, stopped ? "stopped" : "the time was up"),
        "it may still run: look on the host before it is repeated", "command_may_run"};
}

Result<void> SshSession::Impl::insist_on(const std::string& host_key)
{
    const std::lock_guard lock(mutex_);
    if (host_key_ && host_key_->text != host_key && !host_key_->is_vouched_for)
        return key_changed(fingerprint_of_text(host_key), *host_key_).in(fmt::format("host '{}'", host_.name));
    keys_.pin(host_.address, host_.port, host_key);
    return {};
}

// Takes finished tasks out and lets waiting ones in. True while there is something to do.
bool SshSession::Impl::admit()
{
    const std::lock_guard lock(mutex_);
    std::erase_if(tasks_,
                  [](const auto& task) { return task->done || (task->abandoned && task->phase == Phase::waiting); });
    active_.assign(tasks_.begin(),
                   tasks_.begin() + static_cast<std::ptrdiff_t>(std::min(tasks_.size(), limits_.commands_at_once)));
    return !active_.empty();
}

bool SshSession::Impl::wanted()
{
    const std::lock_guard lock(mutex_);
    return !closing_ && std::ranges::any_of(tasks_, [](const auto& task) { return !task->done && !task->abandoned; });
}

void SshSession::Impl::end(Task& task)
{
    const std::lock_guard lock(mutex_);
    task.done = true;
    ended_.notify_all();
}

// What had not reached the host is tried once more on a new connection: a connection that was cut while nobody used it is
// noticed only now. What may have begun is never sent again.
void SshSession::Impl::lose(const Error& error)
{
    connection_.reset(); // and with it every channel
    for (const auto& task : active_) {
        task->channel = nullptr;
        if (!task->sent && task->attempts++ == 0) {
            task->phase = Phase::waiting;
            continue;
        }
        if (task->phase != Phase::ended && task->phase != Phase::freeing) {
            task->error = error;
            if (task->sent) {
                task->error->code = Errc::indeterminate;
                task->error->remedy = "the command may have taken effect: look on the host before it is repeated";
            }
        }
        task->phase = Phase::ended;
        end(*task);
    }
}

void SshSession::Impl::connect()
{
    auto connection = Connection::open(ssh::Target{
        .host = host_, .login = login_, .keys = keys_, .limits = limits_, .waker = waker_, .wanted = [this] {
            return wanted();
        }});
    if (!connection) { // everybody who waits hears the same reason
        Tasks all;
        {
            const std::lock_guard lock(mutex_);
            all = tasks_;
        }
        for (const auto& task : all) {
            task->error = connection.error();
            task->phase = Phase::ended;
            end(*task);
        }
        return;
    }
    connection_ = std::move(*connection);
    used_ = Clock::now();
    const std::lock_guard lock(mutex_);
    host_key_ = connection_->host_key();
    ++connections_;
}

void SshSession::Impl::drive()
{
    bool moved = false;
    // Opening is one at a time: libssh2 keeps its state in the session.
    bool opening = false;
    for (const auto& task : active_) {
        bool abandoned = false;
        {
            const std::lock_guard lock(mutex_);
            abandoned = task->abandoned;
        }
        if (task->phase <= Phase::opening && opening)
            continue;
        const auto step = ssh::advance(*connection_, *task, abandoned);
        opening |= task->phase == Phase::opening;
        if (step == Moved::connection_lost) {
            const Error error = task->error.value_or(Error{Errc::unavailable, "the connection was lost"});
            task->error.reset();
            return lose(error);
        }
        if (task->phase == Phase::ended)
            end(*task);
        moved |= step == Moved::yes;
    }
    used_ = Clock::now();
    if (moved)
        return;
    auto next = connection_->keep_alive(true);
    if (!next)
        return lose(next.error());
    connection_->wait(true, *next);
}

void SshSession::Impl::work()
{
    for (;;) {
        {
            const std::lock_guard lock(mutex_);
            if (closing_)
                break;
        }
        if (admit()) {
            if (connection_ && used_ < Clock::now() - limits_.keep_alive && connection_->closed_by_host())
                connection_.reset();
            connection_ ? drive() : connect();
            continue;
        }
        if (!connection_) {
            waker_.wait();
            continue;
        }
        auto next = connection_->keep_alive(false);
        if (!next || connection_->closed_by_host() || Clock::now() - used_ > limits_.idle)
            connection_.reset();
        else
            connection_->wait(false, std::min<std::chrono::milliseconds>(*next, limits_.idle));
    }
    connection_.reset();
    Tasks left;
    {
        const std::lock_guard lock(mutex_);
        left = tasks_;
    }
    for (const auto& task : left) {
        if (!task->done)
            task->error = closed();
        end(*task);
    }
}

std::string said(const SshOutput& output)
{
    constexpr std::size_t longest = 400;
    std::string text = output.errors.find_first_not_of(" \r\n\t") != std::string::npos ? output.errors : output.out;
    std::ranges::replace_if(
        text, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 127; }, ' ');
    const auto first = text.find_first_not_of(' ');
    if (first == std::string::npos)
        return output.signal.empty() ? "it said nothing" : "ended by signal " + output.signal;
    text = text.substr(first, text.find_last_not_of(' ') - first + 1);
    if (text.size() > longest)
        text = text.substr(0, longest) + "…";
    return text;
}

SshSession::SshSession(SshAddress host, SshLogin login, HostKeys& keys, SshLimits limits)
    : impl_(std::make_unique<Impl>(std::move(host), std::move(login), keys, limits))
{}

SshSession::~SshSession() = default;

Result<SshOutput> SshSession::exec(const Call& call, SshCommand command)
{
    return impl_->exec(call, std::move(command));
}

Result<SshOutput> SshSession::run(const Call& call, std::span<const std::string> words, std::string input)
{
    return impl_->exec(call, {.line = shell_line(words), .input = std::move(input)});
}

Result<void> SshSession::upload(const Call& call, std::string bytes, const std::string& path)
{
    const auto size = bytes.size();
    const auto file = shell_word(path);
    const auto host_name = host().name;
    auto output =
        exec(call, {.line = fmt::format("umask 077; cat > {} && wc -c < {}", file, file), .input = std::move(bytes)});
    const auto what = fmt::format("upload {}", path);
    if (!output)
        return output.error().in(what);
    if (!output->ok())
        return Error{Errc::failed, fmt::format("host '{}': {}: {}", host_name, what, said(*output)),
                     "is there space left (vdf -h), and may root write there?", "upload_failed"};
    std::size_t arrived = 0;
    const auto first = output->out.find_first_not_of(" \t\n");
    const char* text = output->out.c_str() + (first == std::string::npos ? 0 : first);
    std::from_chars(text, output->out.c_str() + output->out.size(), arrived);
    if (arrived != size)
        return Error{Errc::failed, fmt::format("host '{}': {}: {} of {} bytes arrived", host_name, what, arrived, size),
                     "is there space left (vdf -h)?", "upload_failed"};
    return {};
}

std::shared_ptr<void> SshSession::leave_to_stay()
{
    return impl_->leave_to_stay();
}

const SshAddress& SshSession::host() const
{
    return impl_->host();
}
std::optional<HostKey> SshSession::host_key() const
{
    return impl_->host_key();
}
int SshSession::connections() const
{
    return impl_->connections();
}
Result<void> SshSession::insist_on(const std::string& host_key)
{
    return impl_->insist_on(host_key);
}

} // namespace xcopy
