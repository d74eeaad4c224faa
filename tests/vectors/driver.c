/* Decision vectors over the C interface.   vectors_c < input > answers */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <upswing/upswing.h>

static void fail(const char* what) {
  fprintf(stderr, "%s\n", what);
  exit(1);
}

static int digit(char c) { return c <= '9' ? c - '0' : c - 'a' + 10; }

/* Turns hexadecimal digits into bytes, in place. */
static upswing_str from_hex(char* hex) {
  upswing_str out;
  size_t i;
  out.data = hex;
  out.len = 0;
  if (strcmp(hex, ".") == 0) return out;
  for (i = 0; hex[i] != '\0' && hex[i + 1] != '\0'; i += 2) {
    hex[out.len++] = (char)(digit(hex[i]) * 16 + digit(hex[i + 1]));
  }
  return out;
}

static void print_hex(upswing_str text) {
  size_t i;
  if (text.len == 0) putchar('.');
  for (i = 0; i < text.len; ++i) printf("%02x", (unsigned char)text.data[i]);
}

static void print_double(double value) {
  uint64_t bits;
  memcpy(&bits, &value, sizeof(bits));
  printf("%016" PRIx64, bits);
}

static double to_double(const char* bits_text) {
  const uint64_t bits = strtoull(bits_text, NULL, 16);
  double value;
  memcpy(&value, &bits, sizeof(value));
  return value;
}

static void print_decision(char letter, const upswing_decision* d) {
  printf("%c ", letter);
  print_hex(d->key);
  printf(" %s ", upswing_reason_name(d->reason).data);
  print_hex(d->experiment);
  putchar(' ');
  print_hex(d->variant);
  if (d->bucket == UPSWING_NO_BUCKET) {
    printf(" - ");
  } else {
    printf(" %" PRIu32 " ", d->bucket);
  }
  printf("%" PRId32 " %" PRIu32 " %" PRIu32 " %" PRIu64 " ", d->rule_index, d->iteration, d->phase,
         d->catalog_version);
  print_hex(d->unit_type);
  putchar(' ');
  switch (d->value.type) {
    case UPSWING_TYPE_BOOL:
      printf("bool:%" PRId32 "\n", d->value.boolean);
      break;
    case UPSWING_TYPE_INT:
      printf("int:%" PRId64 "\n", d->value.integer);
      break;
    case UPSWING_TYPE_DOUBLE:
      printf("double:");
      print_double(d->value.real);
      putchar('\n');
      break;
    case UPSWING_TYPE_STRING:
    case UPSWING_TYPE_JSON:
      printf(d->value.type == UPSWING_TYPE_JSON ? "json:" : "string:");
      print_hex(d->value.text);
      putchar('\n');
      break;
    default:
      puts("none");
  }
}

static upswing_client* create(upswing_str catalog) {
  upswing_options options;
  upswing_client* client = NULL;
  upswing_options_init(&options, sizeof(options));
  options.bundled_catalog = catalog;
  if (upswing_client_create(&options, &client, NULL) != UPSWING_OK) fail("no client");
  return client;
}

int main(void) {
  upswing_client* client = NULL;
  upswing_subject* subject = NULL;
  char* line = NULL;
  size_t room = 0;
  if (upswing_subject_create(&subject) != UPSWING_OK) fail("no subject");
  while (getline(&line, &room, stdin) > 0) {
    char* words[64];
    size_t count = 0;
    char* word;
    upswing_decision decision;
    upswing_str name;
    upswing_status status = UPSWING_OK;
    const char letter = line[0];
    line[strcspn(line, "\n")] = '\0';
    for (word = strtok(line + 1, " "); word != NULL && count < 64; word = strtok(NULL, " ")) {
      words[count++] = word;
    }
    decision.size = sizeof(decision);
    if (letter >= 'B' && letter <= 'T' && strchr("BIDTJ", letter) != NULL) {
      printf("%c %s ", letter, words[0]);
    }
    memset(&name, 0, sizeof(name));
    if (count > 0) name = from_hex(words[0]);
    switch (letter) {
      case 'C':
        upswing_client_destroy(client);
        client = create(name);
        break;
      case 'S':
        status = upswing_client_supply_catalog(client, name);
        break;
      case 'U':
        status = upswing_subject_clear(subject);
        break;
      case 'u':
        status = upswing_subject_set_unit(subject, name, from_hex(words[1]));
        break;
      case 's':
        status = upswing_subject_set_string(subject, name, from_hex(words[1]));
        break;
      case 'i':
        status = upswing_subject_set_int(subject, name, strtoll(words[1], NULL, 10));
        break;
      case 'd':
        status = upswing_subject_set_double(subject, name, to_double(words[1]));
        break;
      case 'b':
        status = upswing_subject_set_bool(subject, name, words[1][0] == '1');
        break;
      case 't':
        status = upswing_subject_set_time_ms(subject, name, strtoll(words[1], NULL, 10));
        break;
      case 'l': {
        upswing_str texts[64];
        size_t i;
        for (i = 1; i < count; ++i) texts[i - 1] = from_hex(words[i]);
        status = upswing_subject_set_strings(subject, name, texts, count - 1);
        break;
      }
      case 'E':
        status = upswing_client_decide(client, name, subject, &decision);
        print_decision(letter, &decision);
        break;
      case 'F':
        status = upswing_client_decide_flag(client, name, subject, &decision);
        print_decision(letter, &decision);
        break;
      case 'P':
        status = upswing_client_peek(client, name, subject, &decision);
        print_decision(letter, &decision);
        break;
      case 'p':
        status = upswing_client_peek_flag(client, name, subject, &decision);
        print_decision(letter, &decision);
        break;
      case 'B':
        printf("%" PRId32 "\n", upswing_client_bool(client, name, subject, words[1][0] == '1'));
        break;
      case 'I':
        printf("%" PRId64 "\n",
               upswing_client_int(client, name, subject, strtoll(words[1], NULL, 10)));
        break;
      case 'D':
        print_double(upswing_client_double(client, name, subject, to_double(words[1])));
        putchar('\n');
        break;
      case 'T':
        print_hex(upswing_client_string(client, name, subject, from_hex(words[1])));
        putchar('\n');
        break;
      case 'J':
        print_hex(upswing_client_json(client, name, subject, from_hex(words[1])));
        putchar('\n');
        break;
      default:
        fail("unknown line");
    }
    if (status != UPSWING_OK) fail("a call was refused");
  }
  free(line);
  upswing_subject_destroy(subject);
  upswing_client_destroy(client);
  return 0;
}
