// OpenSSL's objects with owners.
#pragma once

#include "protocol/error.hpp"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace xcopy::pki {

template <auto Free> struct Freed {
    template <class T> void operator()(T* object) const { Free(object); }
};

using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freed<X509_free>>;
using Certificates = std::vector<Certificate>;
using Request = std::unique_ptr<X509_REQ, Freed<X509_REQ_free>>;
using Bio = std::unique_ptr<BIO, Freed<BIO_free_all>>;
using GeneralNames = std::unique_ptr<GENERAL_NAMES, Freed<GENERAL_NAMES_free>>;

// What OpenSSL says went wrong, its queue emptied.
Error openssl_error(std::string_view step);

// A BIO that reads the text, which must outlive it; one that collects; what it collected.
Bio reading(std::string_view text);
Bio collecting();
std::string collected(BIO* bio);

} // namespace xcopy::pki
