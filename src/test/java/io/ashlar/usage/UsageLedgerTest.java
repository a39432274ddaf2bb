package io.ashlar.usage;

import static io.ashlar.app.TestServer.await;
import static org.assertj.core.api.Assertions.assertThat;

import io.ashlar.app.TestServer;
import io.ashlar.database.EmbeddedPostgres;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.jdbc.core.simple.JdbcClient;

/** A database that goes away and comes back. */
class UsageLedgerTest {
    @TempDir
    Path data;

    /** Reactor interrupts the thread of a request whose client goes away; a channel would be closed by that. */
    @Test
    void an_interrupted_request_does_not_harm_the_journal() {
        List<UsageRecord> stored = new CopyOnWriteArrayList<>();
        UsageLedger ledger = new UsageLedger(data.resolve("usage"), stored::addAll, Duration.ofMillis(1));
        for (int i = 0; i < 200; i++) {
            UUID id = new UUID(1, i);
            UsageStart start = new UsageStart(id, id, id, id, "m", 1, Instant.EPOCH);
            Thread.currentThread().interrupt();
            ledger.begin(start, () -> 1).join();
            Thread.currentThread().interrupt();
            ledger.settle(new UsageRecord(start, 0, 1, 1, 1L, 1, "stop", UsageRecord.Status.COMPLETED))
                    .join();
        }
        assertThat(Thread.interrupted()).isTrue();
        ledger.close();
        assertThat(stored).hasSize(200);
    }

    @Test
    void an_outage_of_the_database_slows_no_answer_and_loses_no_row() {
        try (TestServer server = new TestServer(data, Map.of())) {
            JdbcClient database = server.service(JdbcClient.class);
            UsageLedger ledger = server.service(UsageLedger.class);
            assertThat(server.chat(server.apiKey(), "").statusCode()).isEqualTo(200);
            await("the first row", () -> ledger.storedRows() == 1);

            EmbeddedPostgres postgres = server.server().embeddedPostgres();
            postgres.stop();
            for (int i = 0; i < 20; i++) {
                HttpResponse<String> answer = server.chat(server.apiKey(), "\"max_tokens\":3");
                assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
            }
            await("the ledger to know that it is behind", ledger::isBehind);
            assertThat(ledger.settledRows()).isEqualTo(21);
            assertThat(ledger.storedRows()).isEqualTo(1);

            postgres.restart();
            await("all rows", () -> ledger.storedRows() == 21);
            assertThat(database.sql("select count(*) from usage_record")
                            .query(Integer.class)
                            .single())
                    .isEqualTo(21);
        }
    }
}
