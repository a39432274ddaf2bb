package io.ashlar.platform;

import java.time.Clock;
import java.time.Duration;
import org.springframework.jdbc.core.simple.JdbcClient;

/** Removes rows of the ledger that are older than the settings say, a part at a time. The sums by day stay. */
public final class Retention {
    private static final int PART = 10_000;

    private final JdbcClient database;
    private final Platform platform;
    private final Clock clock;

    public Retention(JdbcClient database, Platform platform, Clock clock) {
        this.database = database;
        this.platform = platform;
        this.clock = clock;
    }

    /** @return how many rows were removed */
    public long sweep() {
        int days = platform.known().settings().retentionDays();
        if (days == 0) {
            return 0;
        }
        long all = 0;
        int removed;
        do {
            removed = database.sql("""
                            delete from usage_record where request_id in (
                                select request_id from usage_record where arrived_at < :before limit :part)""")
                    .param(
                            "before",
                            clock.instant().minus(Duration.ofDays(days)).atOffset(java.time.ZoneOffset.UTC))
                    .param("part", PART)
                    .update();
            all += removed;
        } while (removed == PART);
        return all;
    }
}
