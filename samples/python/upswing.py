"""Upswing for Python over the C interface, with nothing but ctypes: no compiler, no package.

    from upswing import Client, Subject

    with Client("libupswing.so.1", server_url="https://ab.example.com", api_key=key) as client:
        user = Subject(client, user="u-42").set("country", "CN")
        if client.flag("checkout.one_tap", user, False): ...
        client.track(user, "purchase", 129.00, {"category": "beauty"})

It covers what an app needs daily; include/upswing/upswing.h has the rest, called the same way.
"""

import ctypes
from datetime import datetime, timedelta, timezone
from ctypes import POINTER, byref, c_char_p, c_double, c_int32, c_int64, c_size_t, c_uint32, c_uint64, c_void_p

OK = 0
NOW = -(2**63)
NO_BUCKET = 0xFFFFFFFF
CONSENT_UNKNOWN, CONSENT_GRANTED, CONSENT_DENIED = 0, 1, 2
NETWORK_UNKNOWN, NETWORK_OFFLINE, NETWORK_METERED, NETWORK_UNMETERED = 0, 1, 2, 3
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_BOOL, _INT, _DOUBLE, _STRING = 1, 2, 3, 4


class Str(ctypes.Structure):
    """upswing_str: bytes and their number. Keeps what it points to alive."""

    _fields_ = [("data", c_char_p), ("len", c_size_t)]

    @classmethod
    def of(cls, text):
        encoded = text if isinstance(text, bytes) else text.encode()
        return cls(encoded, len(encoded))

    def __bytes__(self):
        # `self.data` would end at the first NUL.
        return ctypes.string_at(c_void_p.from_buffer(self).value, self.len) if self.len else b""

    def __str__(self):
        return bytes(self).decode()


class Value(ctypes.Structure):
    _fields_ = [("type", c_int32), ("boolean", c_int32), ("integer", c_int64), ("real", c_double), ("text", Str)]

    @classmethod
    def of(cls, value):
        if isinstance(value, bool):
            return cls(type=_BOOL, boolean=value)
        if isinstance(value, int):
            return cls(type=_INT, integer=value)
        if isinstance(value, float):
            return cls(type=_DOUBLE, real=value)
        return cls(type=_STRING, text=Str.of(value))


class Property(ctypes.Structure):
    _fields_ = [("name", Str), ("value", Value)]


class TrackOptions(ctypes.Structure):
    _fields_ = [("size", c_size_t), ("properties", POINTER(Property)), ("property_count", c_size_t),
                ("time_ms", c_int64), ("event_id", Str), ("ref_id", Str)]


class Options(ctypes.Structure):
    _fields_ = [("size", c_size_t), ("server_url", Str), ("api_key", Str), ("storage_directory", Str),
                ("consent", c_int32), ("apply", c_int32), ("bundled_catalog", Str), ("poll_interval_ms", c_int64),
                ("fetch_without_consent", c_int32), ("fsync", c_int32), ("queue_bytes", c_uint64),
                ("flush_interval_ms", c_int64), ("batch_records", c_uint32), ("compression_level", c_int32),
                ("batch_bytes", c_uint64), ("spool_bytes", c_uint64), ("spool_age_ms", c_int64),
                ("max_backoff_ms", c_int64), ("request_timeout_ms", c_int64), ("exposure_memory", c_uint64),
                ("overrides", c_void_p), ("override_count", c_size_t), ("log", c_void_p), ("log_user", c_void_p),
                ("proxy", Str), ("ca_bundle_path", Str), ("pinned_key", Str)]


class Decision(ctypes.Structure):
    _fields_ = [("size", c_size_t), ("key", Str), ("experiment", Str), ("variant", Str), ("unit_type", Str),
                ("value", Value), ("reason", c_int32), ("in_experiment", c_int32), ("bucket", c_uint32),
                ("rule_index", c_int32), ("iteration", c_uint32), ("phase", c_uint32), ("catalog_version", c_uint64),
                ("internal", c_uint64 * 36)]


class FlushResult(ctypes.Structure):
    _fields_ = [("size", c_size_t), ("sent", c_uint64), ("kept", c_uint64), ("dropped", c_uint64)]


class Stats(ctypes.Structure):
    _fields_ = [("size", c_size_t)] + [(name, c_uint64) for name in (
        "queued", "deduplicated", "batched", "acknowledged", "dropped", "dropped_queue_full", "dropped_spool_full",
        "dropped_expired", "dropped_too_large", "dropped_spool_failed", "dropped_spool_corrupt", "dropped_rejected",
        "dropped_consent", "dropped_invalid", "batches_sent", "batches_acknowledged", "retries", "bytes_sent",
        "spooled_batches", "spooled_records", "spooled_bytes", "unwritten_batches", "catalog_version")] + [
            ("catalog_age_ms", c_int64)]


class Error(Exception):
    """A call that the library refused."""


def _sized(kind):
    value = kind()
    value.size = ctypes.sizeof(kind)
    return value


_SIGNATURES = {
    "upswing_options_init": (c_int32, POINTER(Options), c_size_t),
    "upswing_text_view": (Str, c_void_p),
    "upswing_text_destroy": (None, c_void_p),
    "upswing_client_create": (c_int32, POINTER(Options), POINTER(c_void_p), POINTER(c_void_p)),
    "upswing_client_destroy": (None, c_void_p),
    "upswing_client_bool": (c_int32, c_void_p, Str, c_void_p, c_int32),
    "upswing_client_int": (c_int64, c_void_p, Str, c_void_p, c_int64),
    "upswing_client_double": (c_double, c_void_p, Str, c_void_p, c_double),
    "upswing_client_string": (Str, c_void_p, Str, c_void_p, Str),
    "upswing_client_json": (Str, c_void_p, Str, c_void_p, Str),
    "upswing_client_decide": (c_int32, c_void_p, Str, c_void_p, POINTER(Decision)),
    "upswing_client_decide_flag": (c_int32, c_void_p, Str, c_void_p, POINTER(Decision)),
    "upswing_client_peek": (c_int32, c_void_p, Str, c_void_p, POINTER(Decision)),
    "upswing_client_peek_flag": (c_int32, c_void_p, Str, c_void_p, POINTER(Decision)),
    "upswing_client_explain": (c_int32, c_void_p, Str, c_void_p, POINTER(c_void_p)),
    "upswing_client_set_consent": (c_int32, c_void_p, c_int32),
    "upswing_client_set_network": (c_int32, c_void_p, c_int32),
    "upswing_client_purge": (c_int32, c_void_p),
    "upswing_client_supply_catalog": (c_int32, c_void_p, Str),
    "upswing_client_expose": (c_int32, c_void_p, POINTER(Decision), c_void_p),
    "upswing_client_track": (c_int32, c_void_p, c_void_p, Str, c_double, POINTER(TrackOptions)),
    "upswing_client_flush": (c_int32, c_void_p, c_int64, POINTER(FlushResult)),
    "upswing_client_close": (c_int32, c_void_p, c_int64, POINTER(FlushResult)),
    "upswing_client_stats": (c_int32, c_void_p, POINTER(Stats)),
    "upswing_reason_name": (Str, c_int32),
    "upswing_subject_create": (c_int32, POINTER(c_void_p)),
    "upswing_subject_destroy": (None, c_void_p),
    "upswing_subject_set_unit": (c_int32, c_void_p, Str, Str),
    "upswing_subject_set_bool": (c_int32, c_void_p, Str, c_int32),
    "upswing_subject_set_int": (c_int32, c_void_p, Str, c_int64),
    "upswing_subject_set_double": (c_int32, c_void_p, Str, c_double),
    "upswing_subject_set_string": (c_int32, c_void_p, Str, Str),
    "upswing_subject_set_time_ms": (c_int32, c_void_p, Str, c_int64),
    "upswing_subject_set_strings": (c_int32, c_void_p, Str, POINTER(Str), c_size_t),
}


def _check(status):
    if status != OK:
        raise Error(f"status {status}")


class Client:
    """One client. Text options are keywords, by the names of `upswing_options`."""

    def __init__(self, library, **options):
        self.lib = ctypes.CDLL(library)
        for name, (result, *arguments) in _SIGNATURES.items():
            function = getattr(self.lib, name)
            function.restype = result
            function.argtypes = arguments
        raw = Options()
        _check(self.lib.upswing_options_init(byref(raw), ctypes.sizeof(raw)))
        for name, value in options.items():
            setattr(raw, name, Str.of(value) if isinstance(value, (str, bytes)) else value)
        handle, error = c_void_p(), c_void_p()
        status = self.lib.upswing_client_create(byref(raw), byref(handle), byref(error))
        message = str(self.lib.upswing_text_view(error))
        self.lib.upswing_text_destroy(error)
        if status != OK:
            raise Error(message)
        self.handle = handle

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.destroy()

    def destroy(self):
        self.lib.upswing_client_destroy(self.handle)
        self.handle = None

    def flag(self, key, subject, otherwise):
        """The flag's value, of the type of `otherwise`: bool, int, float, str or (a string's) bytes."""
        key = Str.of(key)
        if isinstance(otherwise, bool):
            return bool(self.lib.upswing_client_bool(self.handle, key, subject.handle, otherwise))
        if isinstance(otherwise, int):
            return self.lib.upswing_client_int(self.handle, key, subject.handle, otherwise)
        if isinstance(otherwise, float):
            return self.lib.upswing_client_double(self.handle, key, subject.handle, otherwise)
        return self._text("string", key, subject, otherwise)

    def json(self, key, subject, otherwise):
        """The text of a JSON flag, of the type of `otherwise`: str or bytes."""
        return self._text("json", Str.of(key), subject, otherwise)

    def _text(self, kind, key, subject, otherwise):
        read = getattr(self.lib, f"upswing_client_{kind}")
        default = Str.of(otherwise)  # what comes back may point into it
        got = bytes(read(self.handle, key, subject.handle, default))
        return got if isinstance(otherwise, bytes) else got.decode()

    def _decide(self, how, key, subject):
        decision = _sized(Decision)
        _check(getattr(self.lib, f"upswing_client_{how}")(self.handle, Str.of(key), subject.handle, byref(decision)))
        return decision

    def decide(self, experiment, subject):
        return self._decide("decide", experiment, subject)

    def decide_flag(self, flag, subject):
        return self._decide("decide_flag", flag, subject)

    def peek(self, experiment, subject):
        return self._decide("peek", experiment, subject)

    def peek_flag(self, flag, subject):
        return self._decide("peek_flag", flag, subject)

    def explain(self, key, subject):
        """How the decision comes about, for people."""
        text = c_void_p()
        _check(self.lib.upswing_client_explain(self.handle, Str.of(key), subject.handle, byref(text)))
        explanation = str(self.lib.upswing_text_view(text))
        self.lib.upswing_text_destroy(text)
        return explanation

    def set_consent(self, consent):
        _check(self.lib.upswing_client_set_consent(self.handle, consent))

    def set_network(self, network):
        _check(self.lib.upswing_client_set_network(self.handle, network))

    def purge(self):
        _check(self.lib.upswing_client_purge(self.handle))

    def supply_catalog(self, catalog):
        _check(self.lib.upswing_client_supply_catalog(self.handle, Str.of(catalog)))

    def expose(self, decision, subject):
        """Logs a decision that was peeked at, when it is shown."""
        _check(self.lib.upswing_client_expose(self.handle, byref(decision), subject.handle))

    def reason(self, decision):
        return str(self.lib.upswing_reason_name(decision.reason))

    def track(self, subject, name, value=1.0, properties=None, event_id=""):
        items = [Property(Str.of(k), Value.of(v)) for k, v in (properties or {}).items()]
        options = _sized(TrackOptions)
        options.properties = (Property * len(items))(*items)
        options.property_count = len(items)
        options.time_ms = NOW
        options.event_id = Str.of(event_id)
        _check(self.lib.upswing_client_track(self.handle, subject.handle, Str.of(name), value, byref(options)))

    def close(self, timeout_ms):
        result = _sized(FlushResult)
        _check(self.lib.upswing_client_close(self.handle, timeout_ms, byref(result)))
        return result

    def stats(self):
        stats = _sized(Stats)
        _check(self.lib.upswing_client_stats(self.handle, byref(stats)))
        return stats


class Subject:
    """Whom a decision is made for: unit ids as keywords, attributes by `set`."""

    def __init__(self, client, **units):
        self.lib = client.lib
        self.handle = c_void_p()
        _check(self.lib.upswing_subject_create(byref(self.handle)))
        for unit_type, unit_id in units.items():
            self.set_unit(unit_type, unit_id)

    def __del__(self):
        self.lib.upswing_subject_destroy(self.handle)

    def set_unit(self, unit_type, unit_id):
        _check(self.lib.upswing_subject_set_unit(self.handle, Str.of(unit_type), Str.of(unit_id)))
        return self

    def set(self, name, value):
        """bool, int, float, str, bytes, a list of texts, or an aware datetime."""
        name = Str.of(name)
        if isinstance(value, bool):
            _check(self.lib.upswing_subject_set_bool(self.handle, name, value))
        elif isinstance(value, int):
            _check(self.lib.upswing_subject_set_int(self.handle, name, value))
        elif isinstance(value, float):
            _check(self.lib.upswing_subject_set_double(self.handle, name, value))
        elif isinstance(value, datetime):
            milliseconds = (value - _EPOCH) // timedelta(milliseconds=1)
            _check(self.lib.upswing_subject_set_time_ms(self.handle, name, milliseconds))
        elif isinstance(value, (list, tuple)):
            texts = (Str * len(value))(*map(Str.of, value))
            _check(self.lib.upswing_subject_set_strings(self.handle, name, texts, len(value)))
        else:
            _check(self.lib.upswing_subject_set_string(self.handle, name, Str.of(value)))
        return self
