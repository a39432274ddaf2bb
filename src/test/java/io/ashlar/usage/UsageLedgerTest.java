package io.ashlar.usage;

import static io.ashlar.app.TestServer.await;
import static org.assertj.core.api.Assertions.assertThat;

import io.ashlar.app.TestServer;
import io.ashlar.database.EmbeddedPostgres;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.jdbc.core.simple.JdbcClient;

/** A database that goes away and comes back. */
class UsageLedgerTest {
    @TempDir
    Path data;

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
