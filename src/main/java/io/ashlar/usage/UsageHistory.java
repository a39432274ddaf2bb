package io.ashlar.usage;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.springframework.jdbc.core.JdbcTemplate;

/** What the ledger has to say of requests that ended. */
public final class UsageHistory {
    private static final System.Logger LOG = System.getLogger(UsageHistory.class.getName());
    private static final int MOST = 20_000;

    /** How long an answer became that was not cut off. */
    public record Length(String tenant, String model, int prompt, int completion) {}

    private final JdbcTemplate database;

    public UsageHistory(JdbcTemplate database) {
        this.database = database;
    }

    /** The latest lengths, oldest first; none where the database does not answer. */
    public void lengths(Consumer<Length> each) {
        List<Length> lengths = new ArrayList<>();
        try {
            database.query(
                    """
                    select t.name, u.model, u.prompt_tokens, u.completion_tokens from usage_record u
                    join tenant t on t.id = u.tenant_id
                    where u.status = 'completed' and u.finish_reason in ('stop', 'length')
                    order by u.arrived_at desc limit ?""",
                    row -> {
                        lengths.add(new Length(row.getString(1), row.getString(2), row.getInt(3), row.getInt(4)));
                    },
                    MOST);
        } catch (RuntimeException e) {
            LOG.log(System.Logger.Level.WARNING, "earlier answers could not be read: {0}", e.getMessage());
        }
        lengths.reversed().forEach(each);
    }
}
