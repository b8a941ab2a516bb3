/* What one writes first: libmosquitto's own loop, and a commit to SQLite per batch.
 *
 *     naive-subscriber PORT CLIENT-ID FILTER DATABASE
 *
 * The session lasts and messages come at QoS 1, but libmosquitto sends the PUBACK before it calls
 * on_message (lib/handle_publish.c), and the row is on disk only with its batch: 100 rows, or
 * those of one second. The kill test runs it beside the agent, for scale. SIGTERM commits what is
 * there. Prints "subscribed" once nothing can be missed any more. */
#include <mosquitto.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BATCH_ROWS = 100, BATCH_SECONDS = 1 };

static sqlite3 *database;
static sqlite3_stmt *insert;
static int pending;
static time_t opened;
static volatile sig_atomic_t is_stopped;

static void must(int is_good, const char *what) {
    if (is_good) return;
    fprintf(stderr, "naive-subscriber: %s: %s\n", what, database ? sqlite3_errmsg(database) : "");
    exit(1);
}

static void run(const char *sql) {
    must(sqlite3_exec(database, sql, NULL, NULL, NULL) == SQLITE_OK, sql);
}

static void commit(void) {
    if (pending == 0) return;
    run("COMMIT");
    pending = 0;
}

static void on_message(struct mosquitto *client, void *context,
                       const struct mosquitto_message *message) {
    (void)client;
    (void)context;
    char unit[65];
    int cycle;
    char text[4096];
    if (message->payloadlen <= 0 || message->payloadlen >= (int)sizeof text) return;
    memcpy(text, message->payload, (size_t)message->payloadlen);
    text[message->payloadlen] = 0;
    if (sscanf(text, "%64s %d", unit, &cycle) != 2) return;
    if (pending == 0) {
        run("BEGIN");
        opened = time(NULL);
    }
    sqlite3_bind_text(insert, 1, unit, -1, SQLITE_TRANSIENT);
    sqlite3_bind_int(insert, 2, cycle);
    sqlite3_bind_text(insert, 3, text, -1, SQLITE_TRANSIENT);
    must(sqlite3_step(insert) == SQLITE_DONE, "INSERT");
    sqlite3_reset(insert);
    if (++pending == BATCH_ROWS) commit();
}

static void on_subscribe(struct mosquitto *client, void *context, int identifier, int count,
                         const int *granted) {
    (void)client;
    (void)context;
    (void)identifier;
    must(count == 1 && granted[0] == 1, "the broker does not grant QoS 1");
    puts("subscribed");
    fflush(stdout);
}

static void on_signal(int number) {
    (void)number;
    is_stopped = 1;
}

int main(int count, char **words) {
    must(count == 5, "usage: naive-subscriber PORT CLIENT-ID FILTER DATABASE");
    signal(SIGTERM, on_signal);
    must(sqlite3_open(words[4], &database) == SQLITE_OK, words[4]);
    run("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
        "CREATE TABLE IF NOT EXISTS readings (unit TEXT, cycle INTEGER, row TEXT)");
    must(sqlite3_prepare_v2(database, "INSERT INTO readings VALUES (?, ?, ?)", -1, &insert, NULL)
             == SQLITE_OK, "INSERT");
    mosquitto_lib_init();
    struct mosquitto *client = mosquitto_new(words[2], false, NULL);
    must(client != NULL, "no client");
    mosquitto_message_callback_set(client, on_message);
    mosquitto_subscribe_callback_set(client, on_subscribe);
    must(mosquitto_connect(client, "127.0.0.1", atoi(words[1]), 60) == MOSQ_ERR_SUCCESS, "connect");
    must(mosquitto_subscribe(client, NULL, words[3], 1) == MOSQ_ERR_SUCCESS, "subscribe");
    while (!is_stopped) {
        if (mosquitto_loop(client, 100, 1) != MOSQ_ERR_SUCCESS) mosquitto_reconnect(client);
        if (pending > 0 && time(NULL) - opened >= BATCH_SECONDS) commit();
    }
    commit();
    sqlite3_finalize(insert);
    sqlite3_close(database);
    return 0;
}
