package io.ashlar.usage;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.ZoneOffset;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.transaction.support.TransactionTemplate;

/** The ledger's table. Writing a row again changes nothing. */
public final class UsageStore {
    /** One statement for all rows: the roll-ups are brought up once for each statement. */
    private static final String INSERT = """
            insert into usage_record (request_id, tenant_id, project_id, key_id, model, prompt_tokens, cached_tokens,
                completion_tokens, arrived_at, queue_micros, ttft_micros, total_micros, finish_reason, status)
            select * from unnest(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            on conflict (request_id) do nothing""";

    private final JdbcTemplate database;
    private final TransactionTemplate transactions;

    public UsageStore(JdbcTemplate database, TransactionTemplate transactions) {
        this.database = database;
        this.transactions = transactions;
    }

    public void write(List<UsageRecord> rows) {
        transactions.executeWithoutResult(t -> database.update(connection -> insert(connection, rows)));
    }

    private static PreparedStatement insert(Connection connection, List<UsageRecord> rows) throws SQLException {
        PreparedStatement insert = connection.prepareStatement(INSERT);
        Columns columns = new Columns(connection, insert, rows);
        columns.add("uuid", r -> r.start().request());
        columns.add("uuid", r -> r.start().tenant());
        columns.add("uuid", r -> r.start().project());
        columns.add("uuid", r -> r.start().key());
        columns.add("text", r -> r.start().model());
        columns.add("integer", r -> r.start().promptTokens());
        columns.add("integer", UsageRecord::cachedTokens);
        columns.add("integer", UsageRecord::completionTokens);
        columns.add("timestamptz", r -> r.start().arrivedAt().atOffset(ZoneOffset.UTC));
        columns.add("bigint", UsageRecord::queueMicros);
        columns.add("bigint", UsageRecord::ttftMicros);
        columns.add("bigint", UsageRecord::totalMicros);
        columns.add("text", UsageRecord::finishReason);
        columns.add("text", r -> r.status().column());
        return insert;
    }

    /** Sets one parameter after another to an array with a value for each row. */
    private static final class Columns {
        private final Connection connection;
        private final PreparedStatement insert;
        private final List<UsageRecord> rows;
        private int set;

        Columns(Connection connection, PreparedStatement insert, List<UsageRecord> rows) {
            this.connection = connection;
            this.insert = insert;
            this.rows = rows;
        }

        void add(String type, Function<UsageRecord, @Nullable Object> value) throws SQLException {
            Object[] values = rows.stream().map(value).toArray();
            insert.setArray(++set, connection.createArrayOf(type, values));
        }
    }
}
