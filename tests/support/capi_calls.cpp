#include "tests/support/capi_calls.hpp"

#include <cstdlib>
#include <cstring>

namespace upswing::testing {
namespace {

void Check(bool holds) {
  if (!holds) std::abort();
}

upswing_str Str(std::string_view text) { return {text.data(), text.size()}; }

// Reads every byte, so that a sanitizer sees one that is not there.
void CheckText(upswing_str text) {
  Check(text.data != nullptr || text.len == 0);
  unsigned sum = 0;
  for (std::size_t i = 0; i < text.len; ++i) sum += static_cast<unsigned char>(text.data[i]);
  Check(sum <= 255 * text.len);
}

void CheckDecision(const upswing_decision& d) {
  CheckText(d.key);
  CheckText(d.experiment);
  CheckText(d.variant);
  CheckText(d.unit_type);
  CheckText(d.value.text);
  Check(upswing_reason_name(d.reason).len > 0);
  Check(d.in_experiment == 0 || d.variant.len > 0);
  Check(d.bucket == UPSWING_NO_BUCKET || d.reason != UPSWING_REASON_NO_CATALOG);
}

// An app's stack that answers anything; `user` is null, so that clients share nothing through it.
upswing_status Send(void*, const upswing_http_request* request, upswing_http_response* response) {
  CheckText(request->url);
  CheckText(request->body);
  // Of the request itself, so that the same input gives the same answers.
  const std::size_t luck = request->body.len + request->url.len;
  for (std::size_t i = 0; i < request->header_count; ++i) {
    CheckText(request->headers[i].name);
    CheckText(request->headers[i].value);
    if (luck % 3 != 0) {
      upswing_http_response_add_header(response, request->headers[i].name,
                                       request->headers[i].value);
    }
  }
  if (luck % 5 == 0) return UPSWING_TIMEOUT;
  upswing_http_response_set_status(response, luck % 7 == 0 ? 503 : 200);
  return upswing_http_response_add_body(
      response,
      luck % 2 == 0
          ? UPSWING_STR("{\"accepted\":1,\"duplicate\":false,\"conflict\":false,\"rejected\":[]}")
          : UPSWING_STR("<html>"));
}

std::int32_t Enumerator(Choices& choices) {
  return static_cast<std::int32_t>(choices.Below(8)) - 2;
}

double Real(Choices& choices) {
  const std::uint64_t bits = choices.Word();
  double value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

std::int64_t Integer(Choices& choices) { return static_cast<std::int64_t>(choices.Word()); }

}  // namespace

// A refusal is an answer; a bug of the library is not, nor is memory that ran out here.
void CApiCaller::CheckStatus(upswing_status status) {
  Check(status == UPSWING_OK || status == UPSWING_INVALID_ARGUMENT || status == UPSWING_NOT_FOUND ||
        status == UPSWING_BUFFER_TOO_SMALL);
  if (status == UPSWING_OK) ++accepted_;
}

std::string Choices::Text() {
  static const char* const kNames[] = {"user", "device", "all",  "targeted", "held",
                                       "bool", "int",    "json", "s",        ""};
  const std::size_t which = Below(14);
  if (which < 10) return kNames[which];
  if (which == 13) return std::string(Below(200) * 40, static_cast<char>(Byte()));
  std::string text;
  for (std::size_t n = Below(12); n > 0; --n) text += static_cast<char>(Byte());
  return text;
}

CApiCaller::CApiCaller(upswing_client* client, const std::vector<std::string>& catalogs)
    : catalogs_(catalogs), own_client_(client == nullptr), client_(client) {
  Check(upswing_decisions_create(&all_) == UPSWING_OK);
}

CApiCaller::~CApiCaller() {
  for (upswing_subject* subject : subjects_) upswing_subject_destroy(subject);
  upswing_decisions_destroy(all_);
  if (own_client_) upswing_client_destroy(client_);
}

void CApiCaller::Make(Choices& choices) {
  upswing_client_destroy(client_);
  client_ = nullptr;
  // What the client made ends with it.
  made_.clear();
  upswing_decisions_destroy(all_);
  Check(upswing_decisions_create(&all_) == UPSWING_OK);
  upswing_options options;
  Check(upswing_options_init(&options, sizeof(options)) == UPSWING_OK);
  options.poll_interval_ms = 0;
  options.bundled_catalog = Str(catalogs_[choices.Below(catalogs_.size())]);
  upswing_transport transport = {};
  transport.size = sizeof(transport);
  transport.send = Send;
  if (choices.Below(2) == 1) {
    options.server_url = UPSWING_STR("http://app.test");
    options.transport = &transport;
    options.max_backoff_ms = 100;
    options.flush_interval_ms = 100;
  }
  options.consent = Enumerator(choices);
  options.apply = Enumerator(choices);
  for (std::string& string : strings_) string = choices.Text();
  upswing_override forced = {Str(strings_[0]), Str(strings_[1])};
  options.overrides = &forced;
  options.override_count = choices.Below(2);
  // Any field may be any number: what is out of range is refused.
  switch (choices.Below(16)) {
    case 0:
      options.queue_bytes = choices.Word();
      break;
    case 1:
      options.batch_records = static_cast<std::uint32_t>(choices.Word());
      break;
    case 2:
      options.flush_interval_ms = Integer(choices);
      break;
    case 3:
      options.api_key = Str(strings_[2]);
      break;
    case 4:
      options.size = choices.Byte();
      break;
    case 5:
      options.server_url = Str(strings_[3]);
      break;
    case 6:
      options.exposure_memory = choices.Word() >> 40;
      break;
    default:
      break;
  }
  upswing_text* error = nullptr;
  const upswing_status status = upswing_client_create(&options, &client_, &error);
  Check((status == UPSWING_OK) == (client_ != nullptr));
  Check((status == UPSWING_OK) == (error == nullptr));
  CheckStatus(status);
  CheckText(upswing_text_view(error));
  upswing_text_destroy(error);
}

upswing_subject* CApiCaller::AnySubject(Choices& choices) {
  const std::size_t which = choices.Below(5);
  return which < subjects_.size() ? subjects_[which] : nullptr;
}

void CApiCaller::CallSubject(Choices& choices) {
  if (subjects_.size() < 4 && choices.Below(2) == 0) {
    upswing_subject* subject = nullptr;
    Check(upswing_subject_create(&subject) == UPSWING_OK);
    subjects_.push_back(subject);
    upswing_subject_set_unit(subject, UPSWING_STR("user"), Str(choices.Text()));
  }
  upswing_subject* const subject = AnySubject(choices);
  const std::string name = choices.Text();
  const std::string value = choices.Text();
  switch (choices.Below(10)) {
    case 0:
      return CheckStatus(upswing_subject_set_unit(subject, Str(name), Str(value)));
    case 1:
      return CheckStatus(upswing_subject_set_string(subject, Str(name), Str(value)));
    case 2:
      return CheckStatus(upswing_subject_set_int(subject, Str(name), Integer(choices)));
    case 3:
      return CheckStatus(upswing_subject_set_double(subject, Str(name), Real(choices)));
    case 4:
      return CheckStatus(upswing_subject_set_bool(subject, Str(name), choices.Byte()));
    case 5:
      return CheckStatus(upswing_subject_set_time_ms(subject, Str(name), Integer(choices)));
    case 6: {
      std::vector<upswing_str> list(choices.Below(50), Str(value));
      return CheckStatus(upswing_subject_set_strings(subject, Str(name), list.data(), list.size()));
    }
    case 7:
      return CheckStatus(upswing_subject_remove(subject, Str(name)));
    case 8:
      return CheckStatus(upswing_subject_clear(subject));
    default:
      if (subject == nullptr) return upswing_subject_destroy(nullptr);
      upswing_subject_destroy(subject);
      std::erase(subjects_, subject);
  }
}

void CApiCaller::CallReads(Choices& choices) {
  upswing_subject* const subject = AnySubject(choices);
  const std::string key = choices.Text();
  const upswing_key* const handle = &keys_[choices.Below(3)];
  switch (choices.Below(12)) {
    case 0:
      Check(upswing_client_bool(client_, Str(key), subject, 1) <= 1);
      break;
    case 1:
      upswing_client_int(client_, Str(key), subject, Integer(choices));
      break;
    case 2:
      upswing_client_double(client_, Str(key), subject, Real(choices));
      break;
    case 3:
      CheckText(upswing_client_string(client_, Str(key), subject, Str(key)));
      break;
    case 4:
      CheckText(upswing_client_json(client_, Str(key), subject, Str(key)));
      break;
    case 5:
      upswing_client_bool_by_key(client_, handle, subject, 0);
      upswing_client_int_by_key(client_, handle, subject, 0);
      upswing_client_double_by_key(client_, handle, subject, 0);
      break;
    case 6:
      CheckText(upswing_client_string_by_key(client_, handle, subject, Str(key)));
      CheckText(upswing_client_json_by_key(client_, handle, subject, Str(key)));
      break;
    case 7: {
      upswing_text* text = nullptr;
      CheckStatus(upswing_client_explain(client_, Str(key), subject, &text));
      CheckText(upswing_text_view(text));
      upswing_text_destroy(text);
      break;
    }
    case 8: {
      CheckStatus(upswing_client_decide_all(client_, subject, all_));
      upswing_decision d = {};
      d.size = sizeof(d);
      const upswing_status status = upswing_decisions_get(all_, choices.Below(4), &d);
      CheckStatus(status);
      if (status == UPSWING_OK) CheckDecision(d);
      break;
    }
    default: {
      upswing_decision d = {};
      d.size = choices.Below(16) == 0 ? choices.Byte() : sizeof(d);
      upswing_status status = UPSWING_OK;
      switch (choices.Below(8)) {
        case 0:
          status = upswing_client_decide(client_, Str(key), subject, &d);
          break;
        case 1:
          status = upswing_client_decide_flag(client_, Str(key), subject, &d);
          break;
        case 2:
          status = upswing_client_peek(client_, Str(key), subject, &d);
          break;
        case 3:
          status = upswing_client_peek_flag(client_, Str(key), subject, &d);
          break;
        case 4:
          status = upswing_client_decide_by_key(client_, handle, subject, &d);
          break;
        case 5:
          status = upswing_client_decide_flag_by_key(client_, handle, subject, &d);
          break;
        case 6:
          status = upswing_client_peek_by_key(client_, handle, subject, &d);
          break;
        default:
          status = upswing_client_peek_flag_by_key(client_, handle, subject, &d);
      }
      CheckStatus(status);
      if (status != UPSWING_OK) return;
      CheckDecision(d);
      if (made_.size() < 4) made_.push_back(d);
    }
  }
}

void CApiCaller::CallClient(Choices& choices) {
  upswing_subject* const subject = AnySubject(choices);
  const std::string name = choices.Text();
  switch (choices.Below(8)) {
    case 0:
      return CheckStatus(
          upswing_client_experiment_key(client_, Str(name), &keys_[choices.Below(3)]));
    case 1:
      return CheckStatus(upswing_client_flag_key(client_, Str(name), &keys_[choices.Below(3)]));
    case 2:
      if (made_.empty()) return;
      return CheckStatus(
          upswing_client_expose(client_, &made_[choices.Below(made_.size())], subject));
    case 3:
      if (made_.empty()) return;
      return CheckStatus(upswing_client_expose_at(client_, &made_[choices.Below(made_.size())],
                                                  subject, Integer(choices) >> choices.Below(40)));
    case 4: {
      upswing_stats stats = {};
      stats.size = choices.Below(8) == 0 ? choices.Byte() : sizeof(stats);
      return CheckStatus(upswing_client_stats(client_, &stats));
    }
    case 5: {
      char text[64];
      std::size_t size = 0;
      const std::size_t room = choices.Below(sizeof(text));
      const upswing_status status = upswing_client_last_error(client_, text, room, &size);
      CheckStatus(status);
      return Check(status != UPSWING_OK || size <= room);
    }
    default: {
      const std::string text = choices.Text();
      std::vector<upswing_property> properties(choices.Below(40));
      const std::int64_t integer = Integer(choices);
      const double real = Real(choices);
      const bool sound = choices.Below(2) == 0;  // all of a type that a property may have
      for (upswing_property& p : properties) {
        p.name = Str(name);
        const std::size_t type = sound ? 1 + choices.Below(4) : choices.Below(7);
        p.value = {static_cast<upswing_type>(type), choices.Byte(), integer, real, Str(text)};
      }
      upswing_track_options options = {};
      options.size = choices.Below(16) == 0 ? choices.Byte() : sizeof(options);
      options.properties = properties.data();
      options.property_count = properties.size();
      options.time_ms = choices.Below(2) == 0 ? UPSWING_NOW : Integer(choices) >> 24;
      options.event_id = Str(text);
      options.ref_id = Str(name);
      return CheckStatus(upswing_client_track(client_, subject, Str(name), Real(choices),
                                              choices.Below(3) == 0 ? nullptr : &options));
    }
  }
}

void CApiCaller::CallLifecycle(Choices& choices) {
  switch (choices.Below(12)) {
    case 0:
      return CheckStatus(upswing_client_set_consent(client_, Enumerator(choices)));
    case 1:
      return CheckStatus(upswing_client_set_network(client_, Enumerator(choices)));
    case 2:
      return CheckStatus(upswing_client_set_api_key(client_, Str(choices.Text())));
    case 3:
      return CheckStatus(upswing_client_network_back(client_));
    case 4:
      return CheckStatus(upswing_client_purge(client_));
    case 5: {
      std::string bytes = catalogs_[choices.Below(catalogs_.size())];
      if (choices.Below(4) == 0) {
        bytes[choices.Word() % bytes.size()] ^= static_cast<char>(choices.Byte());
      }
      return CheckStatus(upswing_client_supply_catalog(client_, Str(bytes)));
    }
    case 6: {
      std::int32_t changed = 7;
      CheckStatus(upswing_client_activate(client_, &changed));
      return Check(changed == 0 || changed == 1);
    }
    case 7:
      CheckStatus(upswing_client_remove_catalog_listener(client_, listener_));
      return CheckStatus(upswing_client_add_catalog_listener(
          client_, [](void*, std::uint64_t) {}, nullptr, &listener_));
    case 8:
      return CheckStatus(upswing_client_remove_catalog_listener(client_, choices.Word()));
    case 9: {
      upswing_flush_result result = {};
      result.size = choices.Below(8) == 0 ? choices.Byte() : sizeof(result);
      return CheckStatus(upswing_client_flush(client_, static_cast<int>(choices.Below(4)) - 1,
                                              choices.Below(3) == 0 ? nullptr : &result));
    }
    case 10:
      if (!own_client_) return;
      return CheckStatus(upswing_client_close(client_, 0, nullptr));
    default:
      if (own_client_) Make(choices);
  }
}

void CApiCaller::Call(Choices& choices) {
  if (client_ == nullptr && own_client_ && choices.Below(8) != 0) Make(choices);
  switch (choices.Below(8)) {
    case 0:
    case 1:
    case 2:
      return CallReads(choices);
    case 3:
    case 4:
      return CallSubject(choices);
    case 5:
    case 6:
      return CallClient(choices);
    default:
      return CallLifecycle(choices);
  }
}

}  // namespace upswing::testing
