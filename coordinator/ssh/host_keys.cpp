#include "coordinator/ssh/host_keys.hpp"

#include "coordinator/ssh/libssh2.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <memory>

namespace xcopy {

namespace {

struct KeyType {
    int bits; // LIBSSH2_KNOWNHOST_KEY_*
    const char* name;
    const char* algorithms; // that prove possession of such a key; SHA-1's ssh-rsa is not among them
};

constexpr KeyType key_types[] = {
    {LIBSSH2_KNOWNHOST_KEY_ECDSA_256, "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256"},
    {LIBSSH2_KNOWNHOST_KEY_ECDSA_384, "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384"},
    {LIBSSH2_KNOWNHOST_KEY_ECDSA_521, "ecdsa-sha2-nistp521", "ecdsa-sha2-nistp521"},
    {LIBSSH2_KNOWNHOST_KEY_ED25519, "ssh-ed25519", "ssh-ed25519"},
    {LIBSSH2_KNOWNHOST_KEY_SSHRSA, "ssh-rsa", "rsa-sha2-512,rsa-sha2-256"},
};

std::string base64(std::string_view bytes)
{
    std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0');
    const int length =
        EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                        reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
    out.resize(static_cast<std::size_t>(length));
    return out;
}

std::string unbase64(std::string_view text)
{
    std::string out(text.size() / 4 * 3 + 3, '\0');
    const int length =
        EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                        reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
    if (length < 0)
        return {};
    const auto padding = text.ends_with("==") ? 2U : text.ends_with('=') ? 1U : 0U;
    out.resize(static_cast<std::size_t>(length) - padding);
    return out;
}

// The first string of the blob is the name of the key's type (RFC 4253, 6.6).
std::string type_of(std::string_view blob)
{
    if (blob.size() < 4 || blob[0] != 0 || blob[1] != 0 || blob[2] != 0 ||
        blob.size() < 4U + static_cast<unsigned char>(blob[3]))
        return {};
    return std::string(blob.substr(4, static_cast<unsigned char>(blob[3])));
}

// libssh2 reads known_hosts files, hashed names included; its list lives as long as one question.
struct Known {
    ssh::Session session{ssh::new_session(nullptr)};
    std::unique_ptr<LIBSSH2_KNOWNHOSTS, decltype(&libssh2_knownhost_free)> list{
        session ? libssh2_knownhost_init(session.get()) : nullptr, &libssh2_knownhost_free};

    Result<void> read(std::string_view text)
    {
        if (!list)
            return Error{Errc::failed, "no memory for the list of known hosts"};
        for (int number = 1; !text.empty(); ++number) {
            std::string line(text.substr(0, text.find('\n')));
            text.remove_prefix(std::min(text.size(), line.size() + 1));
            if (line.ends_with('\r'))
                line.pop_back();
            const auto first = line.find_first_not_of(" \t");
            if (first == std::string::npos || line[first] == '#')
                continue;
            if (line[first] == '@') // @cert-authority, @revoked: libssh2 would take the mark for a host's name
                return Error{Errc::unsupported,
                             fmt::format("known hosts, line {}: marks such as @revoked are not supported", number),
                             "give plain lines, one key each", "bad_known_hosts"};
            line += '\n';
            if (libssh2_knownhost_readline(list.get(), line.data(), line.size(), LIBSSH2_KNOWNHOST_FILE_OPENSSH) != 0)
                return Error{Errc::bad_request, fmt::format("known hosts, line {} cannot be read", number),
                             "a line is: NAME TYPE KEY, as ssh-keyscan prints it", "bad_known_hosts"};
        }
        return {};
    }

    int check(const std::string& address, int port, const std::string& key, int type, std::string* stored = nullptr)
    {
        libssh2_knownhost* found = nullptr;
        const int verdict =
            libssh2_knownhost_checkp(list.get(), address.c_str(), port, key.c_str(), key.size(),
                                     LIBSSH2_KNOWNHOST_TYPE_PLAIN | LIBSSH2_KNOWNHOST_KEYENC_BASE64 | type, &found);
        if (stored && found && found->key)
            *stored = found->key;
        return verdict;
    }

    bool knows(const std::string& address, int port, int type)
    {
        return check(address, port, "none", type) != LIBSSH2_KNOWNHOST_CHECK_NOTFOUND;
    }
};

std::string line_of(const std::string& address, int port, std::string_view text)
{
    return port == 22 ? fmt::format("{} {}\n", address, text) : fmt::format("[{}]:{} {}\n", address, port, text);
}

} // namespace

std::string fingerprint_of_text(std::string_view text)
{
    return fingerprint_of(unbase64(text.substr(std::min(text.find(' ') + 1, text.size()))));
}

std::string fingerprint_of(std::string_view blob)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    if (EVP_Digest(blob.data(), blob.size(), digest, &length, EVP_sha256(), nullptr) != 1)
        return "SHA256:?";
    auto text = base64({reinterpret_cast<const char*>(digest), length});
    text.erase(text.find_last_not_of('=') + 1);
    return "SHA256:" + text;
}

Error key_changed(std::string_view known, const HostKey& shown)
{
    return {Errc::denied,
            fmt::format("the host key has changed: known is {}, the host shows {} ({})", known, shown.fingerprint,
                        shown.type),
            "somebody may stand in between. If the host was reinstalled, compare the new fingerprint on its console "
            "(ssh-keygen -lf on the files in /etc/ssh) and replace its line in the known hosts",
            "host_key_changed"};
}

Result<void> HostKeys::add_known(std::string_view text)
{
    Known known;
    if (auto read = known.read(text); !read)
        return read;
    const std::lock_guard lock(mutex_);
    known_.append(text).append(text.ends_with('\n') ? "" : "\n");
    return {};
}

void HostKeys::pin(const std::string& address, int port, std::string_view text)
{
    const std::lock_guard lock(mutex_);
    accepted_.insert_or_assign({address, port}, text);
}

void HostKeys::on_accepted(std::function<void(const std::string& address, const HostKey&)> told)
{
    const std::lock_guard lock(mutex_);
    told_ = std::move(told);
}

std::vector<std::string> HostKeys::known_types(const std::string& address, int port) const
{
    const std::lock_guard lock(mutex_);
    Known known;
    std::vector<std::string> types;
    if (!known.read(known_))
        return types;
    for (const auto& type : key_types)
        if (known.knows(address, port, type.bits))
            types.emplace_back(type.algorithms);
    const auto accepted = accepted_.find({address, port});
    if (types.empty() && accepted != accepted_.end())
        for (const auto& type : key_types)
            if (accepted->second.starts_with(std::string(type.name) + ' '))
                types.emplace_back(type.algorithms);
    return types;
}

Result<HostKey> HostKeys::judge(const std::string& address, int port, std::string_view blob)
{
    HostKey key{.type = type_of(blob), .fingerprint = fingerprint_of(blob)};
    const KeyType* type = nullptr;
    for (const auto& one : key_types)
        if (key.type == one.name)
            type = &one;
    if (!type)
        return Error{Errc::unsupported, fmt::format("the host shows a key of type '{}'", key.type),
                     "let it have an ECDSA or RSA key", "bad_host_key"};

    const std::lock_guard lock(mutex_);
    Known known;
    if (auto read = known.read(known_); !read)
        return read.error();
    const std::string text = base64(blob);
    key.text = key.type + ' ' + text;
    std::string stored;
    switch (known.check(address, port, text, type->bits, &stored)) {
    case LIBSSH2_KNOWNHOST_CHECK_MATCH:
        key.is_vouched_for = true;
        return key;
    case LIBSSH2_KNOWNHOST_CHECK_MISMATCH:
        return key_changed(fingerprint_of(unbase64(stored)), key);
    case LIBSSH2_KNOWNHOST_CHECK_NOTFOUND:
        break;
    default:
        return Error{Errc::failed, "the list of known hosts cannot be searched"};
    }
    for (const auto& other : key_types) // known, but by a key of another type
        if (known.knows(address, port, other.bits))
            return Error{Errc::denied,
                         fmt::format("the host is known by a key of type {}, and shows {} of type {}", other.name,
                                     key.fingerprint, key.type),
                         "compare the fingerprint on the host's console and add its line to the known hosts",
                         "host_key_changed"};
    if (unknown_ == Unknown::refuse)
        return Error{Errc::denied, fmt::format("the host shows an unknown key {} ({})", key.fingerprint, key.type),
                     "compare the fingerprint on the host's console, then add its line to the known hosts (ssh-keyscan "
                     "prints it), or accept new keys",
                     "host_key_unknown"};
    const auto [accepted, is_new] = accepted_.try_emplace({address, port}, key.text);
    if (accepted->second != key.text)
        return key_changed(fingerprint_of_text(accepted->second), key);
    key.is_new = is_new;
    if (is_new && told_)
        told_(address, key);
    return key;
}

std::string HostKeys::accepted() const
{
    const std::lock_guard lock(mutex_);
    std::string lines;
    for (const auto& [where, text] : accepted_)
        lines += line_of(where.first, where.second, text);
    return lines;
}

} // namespace xcopy
