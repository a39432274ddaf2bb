package io.ashlar.usage;

import io.ashlar.access.Actor;
import io.ashlar.access.Guarded;
import io.ashlar.access.InvalidRequestException;
import io.ashlar.access.Permission;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.LocalDate;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.UUID;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.transaction.support.TransactionTemplate;

/** What was used and what it cost, from the roll-ups of the ledger. */
@Guarded
public final class UsageReports {
    private static final int MOST_DAYS = 732;
    private static final int FETCH = 1000;

    /** What the lines of a report are. */
    public enum By {
        DAY,
        TENANT,
        PROJECT,
        KEY,
        MODEL
    }

    /**
     * What a report is of.
     *
     * @param from the first day, in UTC
     * @param to the last day
     * @param tenant null for all
     * @param project of the tenant; null for all
     * @param model null for all
     */
    public record Scope(
            LocalDate from,
            LocalDate to,
            @Nullable UUID tenant,
            @Nullable UUID project,
            @Nullable String model) {
        public Scope {
            if (to.isBefore(from) || from.until(to, ChronoUnit.DAYS) >= MOST_DAYS) {
                throw new InvalidRequestException(
                        "to", "'to' must be the day 'from' or one of the " + MOST_DAYS + " after it.");
            }
            if (project != null && tenant == null) {
                throw new InvalidRequestException("tenant", "A project is one of a tenant, which must be named too.");
            }
        }
    }

    /**
     * A line of a report.
     *
     * @param name of the day, tenant, project, key or model
     * @param cost in millionths of the currency
     * @param attainment of the targets, in percent of the requests that had any; null where none had
     */
    public record Line(
            String name,
            long requests,
            long failed,
            long promptTokens,
            long cachedTokens,
            long completionTokens,
            long cost,
            @Nullable Double attainment) {
        public long tokens() {
            return promptTokens + completionTokens;
        }
    }

    private final JdbcTemplate database;
    private final TransactionTemplate transactions;

    public UsageReports(JdbcTemplate database, TransactionTemplate transactions) {
        this.database = database;
        this.transactions = transactions;
    }

    /** Days in their order, others with the most tokens first. */
    public List<Line> lines(Scope scope, By by, int most, Actor actor) {
        List<Line> lines = new ArrayList<>();
        query(scope, by, " limit " + most, actor, lines::add);
        return lines;
    }

    /** All lines, few of them in memory at a time. */
    public void each(Scope scope, By by, Actor actor, Consumer<Line> to) {
        // The driver reads in parts only inside a transaction.
        transactions.executeWithoutResult(t -> query(scope, by, "", actor, to));
    }

    /** All of a scope together. */
    public Line total(Scope scope, Actor actor) {
        List<Line> lines = new ArrayList<>();
        run(scope, "'total'", "", "", "", actor, lines::add);
        return lines.isEmpty() ? new Line("total", 0, 0, 0, 0, 0, 0, null) : lines.getFirst();
    }

    private void query(Scope scope, By by, String limit, Actor actor, Consumer<Line> to) {
        String join = switch (by) {
            case DAY, MODEL -> "";
            case TENANT -> " left join tenant n on n.id = r.id";
            case PROJECT -> " left join project n on n.id = r.id";
            case KEY -> " left join api_key n on n.id = r.id";
        };
        String id = switch (by) {
            case DAY -> "to_char(u.day, 'YYYY-MM-DD')";
            case MODEL -> "u.model";
            case TENANT -> "u.tenant_id";
            case PROJECT -> "u.project_id";
            case KEY -> "u.key_id";
        };
        String name = join.isEmpty() ? "r.id" : "coalesce(n.name, r.id::text)";
        String order = by == By.DAY ? " order by r.id" : " order by r.prompt + r.completion desc, r.id";
        if (by == By.PROJECT || by == By.KEY) {
            if (scope.tenant() == null) {
                throw new InvalidRequestException(
                        "tenant", "A report by " + by.name().toLowerCase(Locale.ROOT) + " is one of a tenant.");
            }
        }
        run(scope, id, name, join, order + limit, actor, to);
    }

    private void run(Scope scope, String id, String name, String join, String order, Actor actor, Consumer<Line> to) {
        UUID tenant = scope.tenant();
        if (tenant == null) {
            actor.require(Permission.SEE_PLATFORM);
        } else {
            actor.require(Permission.SEE_TENANT, tenant);
        }
        boolean ofKeys = scope.project() != null || id.equals("u.project_id") || id.equals("u.key_id");
        boolean ofPlatform = tenant == null && !id.equals("u.tenant_id");
        List<Object> values = new ArrayList<>();
        String table = ofKeys ? "usage_day" : ofPlatform ? "usage_model_day" : "usage_tenant_day";
        StringBuilder where = new StringBuilder();
        if (tenant == null && !ofKeys && !ofPlatform) {
            table = TenantWeeks.table(scope, values);
            where.append(" where true");
        } else {
            where.append(" where u.day between ? and ?");
            values.addAll(List.of(scope.from(), scope.to()));
        }
        if (tenant != null) {
            where.append(" and u.tenant_id = ?");
            values.add(tenant);
        }
        if (scope.project() != null) {
            where.append(" and u.project_id = ?");
            values.add(scope.project());
        }
        if (scope.model() != null) {
            where.append(" and u.model = ?");
            values.add(scope.model());
        }
        String sql = "select " + (name.isEmpty() ? "r.id" : name)
                + ", requests, failed, prompt, cached, completion, cost, targeted, met from (select " + id + " as id,"
                + " sum(u.requests)::bigint as requests, sum(u.failed)::bigint as failed,"
                + " sum(u.prompt_tokens)::bigint as prompt, sum(u.cached_tokens)::bigint as cached,"
                + " sum(u.completion_tokens)::bigint as completion, (sum(u.cost_nanos) / 1000)::bigint as cost,"
                + " sum(u.targeted)::bigint as targeted, sum(u.met)::bigint as met from " + table + " u" + where
                + " group by 1 having sum(u.requests) > 0) r" + join + order;
        database.query(
                connection -> {
                    var statement = connection.prepareStatement(sql);
                    statement.setFetchSize(FETCH);
                    for (int i = 0; i < values.size(); i++) {
                        statement.setObject(i + 1, values.get(i));
                    }
                    return statement;
                },
                (ResultSet row) -> to.accept(line(row)));
    }

    private static Line line(ResultSet row) throws SQLException {
        long targeted = row.getLong("targeted");
        return new Line(
                row.getString(1),
                row.getLong("requests"),
                row.getLong("failed"),
                row.getLong("prompt"),
                row.getLong("cached"),
                row.getLong("completion"),
                row.getLong("cost"),
                targeted == 0 ? null : 100.0 * row.getLong("met") / targeted);
    }

    /**
     * How a tenant does: what its lines in a list tell.
     *
     * @param attainment of the last seven days, in percent; null where there were no targets
     * @param budget that is used of the limit that is nearest to its end, in percent; null where there is none
     */
    public record Health(
            long tokens,
            @Nullable Double attainment,
            @Nullable Double budget) {}

    /** Of tenants by id; those that did nothing and have no limits are missing. */
    public java.util.Map<UUID, Health> health(List<UUID> tenants, LocalDate today, Actor actor) {
        tenants.forEach(t -> actor.require(Permission.SEE_TENANT, t));
        java.util.Map<UUID, Health> found = new java.util.HashMap<>();
        JdbcClient.create(database)
                .sql("""
                        select w.id, coalesce(u.tokens, 0) as tokens, u.targeted, u.met, b.used from unnest(:ids) w(id)
                        left join lateral (
                            select sum(prompt_tokens + completion_tokens)::bigint as tokens, sum(targeted)::bigint as targeted,
                                sum(met)::bigint as met
                            from usage_tenant_day d where d.tenant_id = w.id and d.day > :today - 7) u on true
                        left join lateral (
                            select max(100.0 * coalesce(q.used, 0) / nullif(l.amount, 0))::float8 as used from quota_limit l
                            left join quota_use q on q.limit_id = l.id and q.window_start = case l.kind
                                when 'tokens_per_day' then date_trunc('day', :now, 'UTC')
                                else date_trunc('month', :now, 'UTC') end
                            where l.tenant_id = w.id
                            and l.kind in ('tokens_per_day', 'tokens_per_month', 'money_per_month')) b on true""")
                .param("ids", tenants.toArray(UUID[]::new))
                .param("today", today)
                .param("now", today.atStartOfDay(java.time.ZoneOffset.UTC).toOffsetDateTime())
                .query(row -> {
                    long targeted = row.getLong("targeted");
                    Double used = row.getObject("used", Double.class);
                    found.put(
                            row.getObject("id", UUID.class),
                            new Health(
                                    row.getLong("tokens"),
                                    targeted == 0 ? null : 100.0 * row.getLong("met") / targeted,
                                    used));
                });
        return found;
    }
}
