#include "vendors/rest/clock.hpp"
#include "vendors/rest/curl_error.hpp"
#include "vendors/rest/retry.hpp"
#include "vendors/rest/tls_check.hpp"
#include "vendors/rest/transport.hpp"
#include "vendors/rest/url.hpp"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <mutex>
#include <stop_token>
#include <utility>

namespace xcopy::rest {

namespace {

using std::chrono::steady_clock;

constexpr std::size_t max_idle = 32;
constexpr std::size_t max_header_bytes = std::size_t{64} * 1024;
constexpr long connect_limit_ms = 15000;
constexpr long connection_life_s = 300; // then certificate files that were renewed meanwhile count

template <auto Free> struct Freed {
    template <class T> void operator()(T* object) const { Free(object); }
};

// A curl handle with the multi handle that keeps its connections. One exchange at a time.
struct Line {
    // A verified connection may only serve requests that ask for the same verification, which curl does not compare for
    // checks it does not know; so a line belongs to one endpoint and one set of TLS demands for good.
    std::string belongs_to;
    std::unique_ptr<CURLM, Freed<curl_multi_cleanup>> multi{curl_multi_init()};
    std::unique_ptr<CURL, Freed<curl_easy_cleanup>> easy{curl_easy_init()};
    PeerCheck peer;
    TlsOutcome tls; // connections outlive an exchange, so what their callbacks write to does as well

    Line() = default;
    Line(const Line&) = delete;
    Line& operator=(const Line&) = delete;
    ~Line()
    {
        // Order matters to curl: the easy handle out of the multi handle, then both.
        if (easy && multi)
            curl_multi_remove_handle(multi.get(), easy.get());
        easy.reset();
    }
};

std::string line_key(const Request& request, const Tls& tls)
{
    return fmt::format("{}\n{}\n{}\n{}\n{}\n{}\n{}{}\n{}\n{}\n{}", origin_of(request.url), tls.ca_file,
                       tls.client_cert_file, tls.client_key_file, tls.expected_uri_san, tls.thumbprint,
                       tls.skip_verification, tls.tls13_only, tls.ca_pem, tls.client_cert_pem,
                       tls.client_key_pem.reveal());
}

struct Arriving {
    Reply reply{};
    std::size_t header_bytes = 0;
    std::size_t max_body = 0;
    bool too_large = false;
};

std::size_t take_body(char* data, std::size_t, std::size_t size, void* argument)
{
    auto& arriving = *static_cast<Arriving*>(argument);
    if (size > arriving.max_body - arriving.reply.body.size()) {
        arriving.too_large = true;
        return CURL_WRITEFUNC_ERROR;
    }
    arriving.reply.body.append(data, size);
    return size;
}

std::size_t take_header(char* data, std::size_t, std::size_t size, void* argument)
{
    auto& arriving = *static_cast<Arriving*>(argument);
    arriving.header_bytes += size;
    if (arriving.header_bytes > max_header_bytes) {
        arriving.too_large = true;
        return CURL_WRITEFUNC_ERROR;
    }
    const std::string_view line(data, size);
    if (line.starts_with("HTTP/")) { // "100 Continue" comes with headers of its own
        arriving.reply.headers.clear();
        return size;
    }
    if (const auto colon = line.find(':'); colon != std::string_view::npos) {
        constexpr std::string_view blanks = " \t\r\n";
        auto value = line.substr(colon + 1);
        value.remove_prefix(std::min(value.find_first_not_of(blanks), value.size()));
        value = value.substr(0, value.find_last_not_of(blanks) + 1);
        arriving.reply.headers.push_back({std::string(line.substr(0, colon)), std::string(value)});
    }
    return size;
}

CURLcode prepare_context(CURL*, void* context, void* argument)
{
    auto& line = *static_cast<Line*>(argument);
    return install_tls_check(static_cast<SSL_CTX*>(context), line.peer, line.tls) ? CURLE_OK : CURLE_OUT_OF_MEMORY;
}

using HeaderList = std::unique_ptr<curl_slist, Freed<curl_slist_free_all>>;

bool is_clean(const Header& header)
{
    constexpr std::string_view forbidden("\r\n\0", 3);
    return header.name.find_first_of(forbidden) == std::string::npos &&
           header.value.find_first_of(forbidden) == std::string::npos;
}

HeaderList header_list(const Request& request)
{
    HeaderList list;
    const auto add = [&list](const std::string& line) {
        curl_slist* longer = curl_slist_append(list.get(), line.c_str());
        (void)list.release();
        list.reset(longer);
    };
    add("Expect:"); // no waiting for "100 Continue"
    for (const Header& header : request.headers)
        add(header.value.empty() ? header.name + ";" : header.name + ": " + header.value);
    return list;
}

void set_request(Line& line, const Request& request, curl_slist* headers, Arriving& arriving)
{
    CURL* const easy = line.easy.get();
    curl_easy_setopt(easy, CURLOPT_URL, request.url.c_str());
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PROXY, ""); // management networks: the pod's proxy variables are not for us
    curl_easy_setopt(easy, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L); // a stop does not wait for the resolver's thread
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, connect_limit_ms);
    curl_easy_setopt(easy, CURLOPT_MAXLIFETIME_CONN, connection_life_s);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, &arriving);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &arriving);

    const bool has_body = !request.body.empty() || request.method == Method::post || request.method == Method::put ||
                          request.method == Method::patch;
    if (has_body) {
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.body.data());
    }
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, std::string(name(request.method)).c_str());
    // curl repeats a request by itself when a kept connection turns out to be dead; a fresh one gives it no reason to.
    if (!may_be_repeated(request))
        curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
}

void set_text(CURL* easy, CURLoption option, const std::string& text)
{
    // curl only reads what it does not copy, and the text outlives the exchange
    curl_blob blob{const_cast<char*>(text.data()), text.size(), CURL_BLOB_NOCOPY};
    curl_easy_setopt(easy, option, &blob);
}

void set_tls(Line& line, const Tls& tls)
{
    CURL* const easy = line.easy.get();
    line.peer = {
        .expected_uri_san = tls.expected_uri_san, .thumbprint = tls.thumbprint, .verify = !tls.skip_verification};
    line.tls = {};
    const bool by_name = line.peer.verify && tls.expected_uri_san.empty() && tls.thumbprint.empty();
    curl_easy_setopt(easy, CURLOPT_SSLVERSION,
                     static_cast<long>(tls.tls13_only ? CURL_SSLVERSION_TLSv1_3 : CURL_SSLVERSION_TLSv1_2));
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, line.peer.verify ? 1L : 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, by_name ? 2L : 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L); // every new connection is verified in full
    curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, prepare_context);
    curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, &line);
    if (!tls.ca_pem.empty()) {
        set_text(easy, CURLOPT_CAINFO_BLOB, tls.ca_pem);
        curl_easy_setopt(easy, CURLOPT_CAPATH, nullptr); // this text and nothing else
    } else if (!tls.ca_file.empty()) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, tls.ca_file.c_str());
        curl_easy_setopt(easy, CURLOPT_CAPATH, nullptr); // this file and nothing else
    }
    if (!tls.client_cert_pem.empty()) {
        set_text(easy, CURLOPT_SSLCERT_BLOB, tls.client_cert_pem);
        set_text(easy, CURLOPT_SSLKEY_BLOB,
                 tls.client_key_pem.empty() ? tls.client_cert_pem : tls.client_key_pem.reveal());
    } else if (!tls.client_cert_file.empty()) {
        curl_easy_setopt(easy, CURLOPT_SSLCERT, tls.client_cert_file.c_str());
        curl_easy_setopt(easy, CURLOPT_SSLKEY,
                         (tls.client_key_file.empty() ? tls.client_cert_file : tls.client_key_file).c_str());
    }
}

// Runs the exchange to its end, the deadline or the stop, whichever comes first.
Result<CURLcode> run(Line& line, const Call& call)
{
    CURLM* const multi = line.multi.get();
    if (curl_multi_add_handle(multi, line.easy.get()) != CURLM_OK)
        return Error{Errc::failed, "curl cannot start a transfer"};
    struct Leave {
        Line& line;
        ~Leave() { curl_multi_remove_handle(line.multi.get(), line.easy.get()); }
    } leave{line};
    const std::stop_callback wake(call.stop, [multi] { curl_multi_wakeup(multi); });

    for (;;) {
        int running = 0;
        if (curl_multi_perform(multi, &running) != CURLM_OK)
            return Error{Errc::failed, "curl cannot drive a transfer"};
        int left = 0;
        if (const CURLMsg* message = curl_multi_info_read(multi, &left); message != nullptr)
            return message->data.result;
        if (call.stop.stop_requested())
            return cancelled();
        const auto now = steady_clock::now();
        if (now >= call.deadline)
            return deadline_passed();
        const auto rest = std::chrono::ceil<std::chrono::milliseconds>(
            std::min<steady_clock::duration>(call.deadline - now, std::chrono::minutes(1)));
        if (curl_multi_poll(multi, nullptr, 0, static_cast<int>(rest.count()), nullptr) != CURLM_OK)
            return Error{Errc::failed, "curl cannot wait for a transfer"};
    }
}

bool request_was_sent(CURL* easy)
{
    long bytes = 0;
    return curl_easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &bytes) == CURLE_OK && bytes > 0;
}

class CurlTransport : public Transport {
public:
    CurlTransport()
    {
        static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
        (void)started; // a failure shows as a handle that cannot be made
    }

    Result<Reply> send(const Call& call, const Request& request, const Tls& tls) override
    {
        if (call.stop.stop_requested())
            return cancelled();
        if (steady_clock::now() >= call.deadline)
            return deadline_passed();
        if (!request.url.starts_with("https://"))
            return Error{Errc::bad_request, fmt::format("'{}' is not an https address", origin_of(request.url)), "",
                         "bad_url"};
        if (!std::ranges::all_of(request.headers, is_clean))
            return Error{Errc::bad_request, "a request header holds a line break", "", "bad_header"};

        auto line = take(line_key(request, tls));
        if (!line->easy || !line->multi)
            return Error{Errc::failed, "curl cannot be started"};
        Arriving arriving{.max_body = request.max_reply_bytes};
        std::array<char, CURL_ERROR_SIZE> details{};
        const HeaderList headers = header_list(request);
        curl_easy_reset(line->easy.get());
        curl_easy_setopt(line->easy.get(), CURLOPT_ERRORBUFFER, details.data());
        set_request(*line, request, headers.get(), arriving);
        set_tls(*line, tls);

        const auto result = run(*line, call);
        if (!result) // stopped in the middle: its connection is of no more use
            return Error(result.error()).in(origin_of(request.url));
        if (*result != CURLE_OK)
            return explain(request, tls, failure(*line, *result, details.data(), arriving));
        long status = 0;
        curl_easy_getinfo(line->easy.get(), CURLINFO_RESPONSE_CODE, &status);
        arriving.reply.status = static_cast<int>(status);
        curl_easy_reset(line->easy.get()); // it must not keep pointers into this call
        give_back(std::move(line));
        return std::move(arriving.reply);
    }

private:
    static Failure failure(Line& line, CURLcode code, const char* details, const Arriving& arriving)
    {
        curl_off_t connect_time = 0;
        curl_easy_getinfo(line.easy.get(), CURLINFO_CONNECT_TIME_T, &connect_time);
        return {.code = code,
                .details = details,
                .reply_too_large = arriving.too_large,
                .connected = connect_time > 0,
                .request_sent = request_was_sent(line.easy.get()),
                .reply_begun = arriving.header_bytes > 0,
                .tls = line.tls};
    }

    std::unique_ptr<Line> take(std::string key)
    {
        const std::lock_guard lock(mutex_);
        const auto found =
            std::find_if(idle_.rbegin(), idle_.rend(), [&](const auto& line) { return line->belongs_to == key; });
        if (found != idle_.rend()) {
            auto line = std::move(*found);
            idle_.erase(std::next(found).base());
            return line;
        }
        auto line = std::make_unique<Line>();
        line->belongs_to = std::move(key);
        return line;
    }

    void give_back(std::unique_ptr<Line> line)
    {
        std::unique_ptr<Line> oldest; // closed outside the lock
        const std::lock_guard lock(mutex_);
        idle_.push_back(std::move(line));
        if (idle_.size() > max_idle) {
            oldest = std::move(idle_.front());
            idle_.erase(idle_.begin());
        }
    }

    std::mutex mutex_;
    std::vector<std::unique_ptr<Line>> idle_; // the most recently used last
};

} // namespace

std::unique_ptr<Transport> curl_transport()
{
    return std::make_unique<CurlTransport>();
}

} // namespace xcopy::rest
