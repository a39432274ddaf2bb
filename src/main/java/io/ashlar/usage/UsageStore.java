package io.ashlar.usage;

import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Types;
import java.time.ZoneOffset;
import java.util.List;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.transaction.support.TransactionTemplate;

/** The ledger's table. Writing a row again changes nothing. */
public final class UsageStore {
    private static final String INSERT = """
            insert into usage_record (request_id, tenant_id, project_id, key_id, model, prompt_tokens, cached_tokens,
                completion_tokens, arrived_at, queue_micros, ttft_micros, total_micros, finish_reason, status)
            values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            on conflict (request_id) do nothing""";

    private final JdbcTemplate database;
    private final TransactionTemplate transactions;

    public UsageStore(JdbcTemplate database, TransactionTemplate transactions) {
        this.database = database;
        this.transactions = transactions;
    }

    public void write(List<UsageRecord> rows) {
        transactions.executeWithoutResult(t -> database.batchUpdate(INSERT, rows, rows.size(), UsageStore::set));
    }

    private static void set(PreparedStatement insert, UsageRecord row) throws SQLException {
        UsageStart start = row.start();
        insert.setObject(1, start.request());
        insert.setObject(2, start.tenant());
        insert.setObject(3, start.project());
        insert.setObject(4, start.key());
        insert.setString(5, start.model());
        insert.setInt(6, start.promptTokens());
        insert.setInt(7, row.cachedTokens());
        insert.setInt(8, row.completionTokens());
        insert.setObject(9, start.arrivedAt().atOffset(ZoneOffset.UTC));
        insert.setLong(10, row.queueMicros());
        if (row.ttftMicros() == null) {
            insert.setNull(11, Types.BIGINT);
        } else {
            insert.setLong(11, row.ttftMicros());
        }
        insert.setLong(12, row.totalMicros());
        insert.setString(13, row.finishReason());
        insert.setString(14, row.status().column());
    }
}
