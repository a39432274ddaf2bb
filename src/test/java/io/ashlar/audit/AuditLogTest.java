package io.ashlar.audit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import io.ashlar.access.Actor;
import io.ashlar.database.DatabaseAddress;
import io.ashlar.database.EmbeddedPostgres;
import io.ashlar.database.Migrations;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.jdbc.datasource.DataSourceTransactionManager;
import org.springframework.transaction.support.TransactionTemplate;

class AuditLogTest {
    private static final Actor ANN = Actor.administrator("ann", "10.0.0.1");

    @TempDir
    static Path folder;

    private static EmbeddedPostgres postgres;
    private static HikariDataSource pool;
    private static JdbcClient database;
    private AuditLog log;

    @BeforeAll
    static void start() {
        postgres = EmbeddedPostgres.start(folder.resolve("postgres"), folder.resolve("cache"));
        DatabaseAddress address = postgres.address();
        HikariConfig config = new HikariConfig();
        config.setJdbcUrl(address.url());
        config.setUsername(address.user());
        config.setPassword(address.password());
        pool = new HikariDataSource(config);
        Migrations.run(pool);
        database = JdbcClient.create(pool);
    }

    @AfterAll
    static void stop() {
        pool.close();
        postgres.close();
    }

    /** A log of its own for each test: whoever owns the database can do that, and the chain is what shows it. */
    @BeforeEach
    void empty() {
        tampering("truncate audit_record; update audit_head set hash = sha256('ashlar audit'::bytea)");
        log = new AuditLog(database, Clock.systemUTC());
        for (int i = 0; i < 5; i++) {
            log.record(ANN, "tenant.create", "t" + i, Change.made(null, Map.of("zone", "b", "area", "a")));
        }
    }

    private static void tampering(String sql) {
        database.sql("alter table audit_record disable trigger user").update();
        for (String statement : sql.split(";")) {
            database.sql(statement).update();
        }
        database.sql("alter table audit_record enable trigger user").update();
    }

    private static long id(int row) {
        return database.sql("select id from audit_record order by id offset :row limit 1")
                .param("row", row)
                .query(Long.class)
                .single();
    }

    @Test
    void a_log_that_nobody_touched_is_intact_and_holds_every_head_it_had() {
        AuditLog.Verification before = log.verify(null);
        assertThat(before.intact()).isTrue();
        assertThat(before.rows()).isEqualTo(5);
        log.record(ANN, "key.revoke", "ash_x", Change.removed(null, Map.of("name", "x")));
        AuditLog.Verification after = log.verify(before.head());
        assertThat(after.intact()).isTrue();
        assertThat(after.head()).isNotEqualTo(before.head());
        assertThat(log.verify("00".repeat(32)).intact()).isFalse();
    }

    @Test
    void the_database_refuses_to_change_a_row() {
        for (String sql :
                List.of("update audit_record set actor = 'eve'", "delete from audit_record", "truncate audit_record")) {
            assertThatThrownBy(() -> database.sql(sql).update()).hasMessageContaining("never changed");
        }
        assertThat(log.verify(null).rows()).isEqualTo(5);
    }

    @Test
    void a_row_that_was_changed_is_named() {
        long third = id(2);
        tampering("update audit_record set actor = 'eve' where id = " + third);
        assertThat(log.verify(null).broken()).isEqualTo(third);
    }

    @Test
    void a_row_that_was_taken_out_shows_at_the_next_one() {
        long fourth = id(3);
        tampering("delete from audit_record where id = " + id(2));
        assertThat(log.verify(null).broken()).isEqualTo(fourth);
    }

    @Test
    void rows_cut_off_at_the_end_show() {
        String head = log.verify(null).head();
        tampering("delete from audit_record where id >= " + id(3));
        AuditLog.Verification found = log.verify(head);
        assertThat(found.broken()).isNull();
        assertThat(found.endMissing()).isTrue();
        assertThat(found.expectedFound()).isFalse();
    }

    @Test
    void a_whole_history_written_anew_does_not_hold_the_head_that_was_kept_elsewhere() {
        String head = log.verify(null).head();
        tampering("truncate audit_record; update audit_head set hash = sha256('ashlar audit'::bytea)");
        log.record(Actor.administrator("eve", ""), "tenant.create", "t0", Change.made(null, Map.of()));
        assertThat(log.verify(null).intact()).isTrue();
        assertThat(log.verify(head).intact()).isFalse();
    }

    @Test
    void rows_written_at_once_are_one_chain_and_those_of_a_failed_change_are_not_in_it() throws Exception {
        TransactionTemplate transactions = new TransactionTemplate(new DataSourceTransactionManager(pool));
        List<Future<?>> running = new ArrayList<>();
        try (ExecutorService threads = Executors.newFixedThreadPool(8)) {
            for (int i = 0; i < 200; i++) {
                int number = i;
                running.add(threads.submit(() -> transactions.executeWithoutResult(t -> {
                    log.record(ANN, "n", "s" + number, Change.made(null, Map.of("n", "" + number)));
                    if (number % 5 == 0) {
                        t.setRollbackOnly();
                    }
                })));
            }
            for (Future<?> one : running) {
                one.get();
            }
        }
        AuditLog.Verification found = log.verify(null);
        assertThat(found.intact()).isTrue();
        assertThat(found.rows()).isEqualTo(5 + 160);
    }

    @Test
    void it_is_filtered_paged_and_given_as_a_table_that_no_spreadsheet_runs() {
        log.record(
                Actor.administrator("bob", ""),
                "key.revoke",
                "=HYPERLINK(\"x\")",
                Change.made(null, Map.of("why", "a, b")));
        assertThat(log.latest(ANN, AuditFilter.ALL, Long.MAX_VALUE, 3)).hasSize(3);
        assertThat(log.latest(ANN, AuditFilter.ALL, Long.MAX_VALUE, 1)
                        .getFirst()
                        .actor())
                .isEqualTo("bob");
        assertThat(log.latest(ANN, AuditFilter.ALL, id(2), 10)).hasSize(2);
        assertThat(log.latest(ANN, new AuditFilter("ann", "", "t3"), Long.MAX_VALUE, 10))
                .hasSize(1);
        assertThat(log.latest(ANN, new AuditFilter("", "key.", ""), Long.MAX_VALUE, 10))
                .hasSize(1);
        StringWriter text = new StringWriter();
        AuditTable.write(log, ANN, new AuditFilter("bob", "", ""), new PrintWriter(text));
        assertThat(text.toString()).contains("bob,,key.revoke,\"'=HYPERLINK(\"\"x\"\")\",,\"why=a, b\"");
    }
}
