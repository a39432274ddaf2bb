package io.ashlar.quota;

import java.sql.Array;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.transaction.support.TransactionTemplate;

/** Limits, prices and leases in the database. */
final class QuotaStore {
    /**
     * An answer to a question for more.
     *
     * @param granted 0 where there is not as much left
     * @param left that could still be granted
     */
    record Grant(long granted, long left) {}

    private record Lease(UUID limit, Instant window, LimitKind kind) {}

    private final JdbcClient database;
    private final TransactionTemplate transactions;

    QuotaStore(JdbcClient database, TransactionTemplate transactions) {
        this.database = database;
        this.transactions = transactions;
    }

    List<Limit> limits(UUID tenant) {
        return database.sql(Limits.SELECT + " where l.tenant_id = :tenant order by l.kind, l.id")
                .param("tenant", tenant)
                .query(QuotaStore::limit)
                .list();
    }

    static Limit limit(ResultSet row, int number) throws SQLException {
        Array warn = row.getArray("warn_percent");
        return new Limit(
                row.getObject("id", UUID.class),
                row.getObject("tenant_id", UUID.class),
                row.getObject("project_id", UUID.class),
                row.getObject("key_id", UUID.class),
                row.getString("subject"),
                row.getString("model"),
                LimitKind.of(row.getString("kind")).orElseThrow(),
                row.getLong("amount"),
                List.of((Integer[]) warn.getArray()),
                row.getBoolean("overbooks"));
    }

    Map<String, Price> prices() {
        Map<String, Price> prices = new HashMap<>();
        database.sql("select deployment, prompt_price, cached_price, completion_price from model_price")
                .query(row -> {
                    prices.put(row.getString(1), new Price(row.getLong(2), row.getLong(3), row.getLong(4)));
                });
        return Map.copyOf(prices);
    }

    Grant take(UUID process, Limit limit, Instant window, long need, Instant now) {
        long unit = limit.kind().unitsOf();
        // The database counts in units of the amount's own; a part of one is taken whole.
        return database.sql("select granted, used, amount from quota_take(:process, :limit, :window, :need, :now)")
                .param("process", process)
                .param("limit", limit.id())
                .param("window", window.atOffset(ZoneOffset.UTC))
                .param("need", Math.ceilDiv(need, unit))
                .param("now", now.atOffset(ZoneOffset.UTC))
                .query((row, n) -> new Grant(
                        row.getLong("granted") * unit, Math.max(0, row.getLong("amount") - row.getLong("used")) * unit))
                .single();
    }

    /** @param back in whole units of the amount */
    void giveBack(UUID process, Limit limit, Instant window, long back, long spent) {
        database.sql("select quota_return(:process, :limit, :window, :back, :spent)")
                .param("process", process)
                .param("limit", limit.id())
                .param("window", window.atOffset(ZoneOffset.UTC))
                .param("back", back)
                .param("spent", Math.ceilDiv(spent, limit.kind().unitsOf()))
                .query(rows -> {});
    }

    void start(UUID process, UUID instance, Instant now) {
        transactions.executeWithoutResult(t -> {
            // One process at a time has a data folder: those before it have ended.
            database.sql("update quota_process set seen_at = 'epoch' where instance = :instance")
                    .param("instance", instance)
                    .update();
            database.sql(
                            "insert into quota_process (id, instance, started_at, seen_at) values (:id, :instance, :now, :now)")
                    .param("id", process)
                    .param("instance", instance)
                    .param("now", now.atOffset(ZoneOffset.UTC))
                    .update();
        });
    }

    void seen(UUID process, Instant now) {
        database.sql("update quota_process set seen_at = :now where id = :id")
                .param("id", process)
                .param("now", now.atOffset(ZoneOffset.UTC))
                .update();
    }

    /** Leases and counts of windows that nobody looks at any more, and processes without any. */
    void forget(Instant now) {
        for (LimitKind kind : LimitKind.values()) {
            Instant start = kind.window().start(now);
            if (kind.window() != LimitKind.Window.NONE && kind.window() != LimitKind.Window.REQUEST) {
                Instant before = kind.window().start(start.minusMillis(1));
                for (String table : List.of("quota_lease", "quota_use")) {
                    database.sql("delete from " + table + " u using quota_limit l where l.id = u.limit_id"
                                    + " and l.kind = :kind and u.window_start < :before")
                            .param("kind", kind.word())
                            .param("before", before.atOffset(ZoneOffset.UTC))
                            .update();
                }
            }
        }
        database.sql("""
                        delete from quota_process p where p.seen_at < cast(:now as timestamptz) - interval '1 hour'
                            and not exists (select from quota_lease q where q.process_id = p.id)""").param("now", now.atOffset(ZoneOffset.UTC)).update();
    }

    /**
     * After an end without notice: what earlier processes of this data folder had been granted is replaced by what the ledger
     * says was used, where no other process holds a part of the same limit; elsewhere it counts as used.
     */
    void recover(UUID process, UUID instance, Instant now) {
        List<Lease> orphans = database.sql("""
                        select q.limit_id, q.window_start, l.kind from quota_lease q
                        join quota_process p on p.id = q.process_id
                        join quota_limit l on l.id = q.limit_id
                        where p.instance = :instance and p.id <> :process
                        group by q.limit_id, q.window_start, l.kind order by 1, 2""")
                .param("instance", instance)
                .param("process", process)
                .query((row, n) -> new Lease(
                        row.getObject(1, UUID.class),
                        row.getObject(2, java.time.OffsetDateTime.class).toInstant(),
                        LimitKind.of(row.getString(3)).orElseThrow()))
                .list();
        for (Lease orphan : orphans) {
            Instant end = orphan.kind.window().end(orphan.window);
            if (now.isBefore(end) && orphan.kind.window() != LimitKind.Window.NONE) {
                recover(process, instance, orphan);
            }
        }
    }

    private void recover(UUID process, UUID instance, Lease orphan) {
        transactions.executeWithoutResult(t -> {
            String where = " where limit_id = :limit and window_start = :window";
            database.sql("select used from quota_use" + where + " for update")
                    .param("limit", orphan.limit)
                    .param("window", orphan.window.atOffset(ZoneOffset.UTC))
                    .query(Long.class)
                    .single();
            long others = database.sql(
                            "select count(*) from quota_lease" + where
                                    + " and process_id not in (select id from quota_process where instance = :instance and id <> :process)")
                    .param("limit", orphan.limit)
                    .param("window", orphan.window.atOffset(ZoneOffset.UTC))
                    .param("instance", instance)
                    .param("process", process)
                    .query(Long.class)
                    .single();
            if (others > 0) {
                return;
            }
            database.sql("update quota_use set used = :used" + where)
                    .param("used", ledger(orphan))
                    .param("limit", orphan.limit)
                    .param("window", orphan.window.atOffset(ZoneOffset.UTC))
                    .update();
            database.sql("delete from quota_lease" + where)
                    .param("limit", orphan.limit)
                    .param("window", orphan.window.atOffset(ZoneOffset.UTC))
                    .update();
        });
    }

    /** What the ledger says was used in a window, rounded up. */
    private long ledger(Lease of) {
        String counted = switch (of.kind) {
            case REQUESTS_PER_MINUTE, CONCURRENT_REQUESTS -> "count(u.request_id)";
            case TOKENS_PER_MINUTE, TOKENS_PER_DAY, TOKENS_PER_MONTH ->
                "coalesce(sum(u.prompt_tokens + u.completion_tokens), 0)";
            case PROMPT_TOKENS_PER_MINUTE, LARGEST_PROMPT -> "coalesce(sum(u.prompt_tokens), 0)";
            case COMPLETION_TOKENS_PER_MINUTE, LARGEST_OUTPUT -> "coalesce(sum(u.completion_tokens), 0)";
            case MONEY_PER_MONTH -> """
                ceil(coalesce(sum((u.prompt_tokens - u.cached_tokens) * coalesce(m.prompt_price, 0)::numeric
                    + u.cached_tokens * coalesce(m.cached_price, 0)::numeric
                    + u.completion_tokens * coalesce(m.completion_price, 0)::numeric), 0) / 1000000)""";
        };
        return database.sql("select (" + counted + ")::bigint from quota_limit l"
                        + " left join usage_record u on u.tenant_id = l.tenant_id and u.arrived_at >= :from"
                        + " and u.arrived_at < :to and (l.project_id is null or u.project_id = l.project_id)"
                        + " and (l.key_id is null or u.key_id = l.key_id) and (l.model is null or u.model = l.model)"
                        + " left join model_price m on m.deployment = u.model where l.id = :limit")
                .param("limit", of.limit)
                .param("from", of.window.atOffset(ZoneOffset.UTC))
                .param("to", of.kind.window().end(of.window).atOffset(ZoneOffset.UTC))
                .query(Long.class)
                .single();
    }

    /** True if nobody noted it before. */
    boolean warn(Limit limit, Instant window, int percent, long used, Instant now) {
        return database.sql("""
                        insert into quota_event (at, limit_id, tenant_id, window_start, percent, used, amount)
                        select :now, l.id, l.tenant_id, :window, :percent, :used, :amount from quota_limit l
                        where l.id = :limit
                        on conflict do nothing""")
                        .param("now", now.atOffset(ZoneOffset.UTC))
                        .param("limit", limit.id())
                        .param("window", window.atOffset(ZoneOffset.UTC))
                        .param("percent", percent)
                        .param("used", used / limit.kind().unitsOf())
                        .param("amount", limit.amount())
                        .update()
                > 0;
    }
}
