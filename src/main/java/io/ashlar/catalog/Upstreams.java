package io.ashlar.catalog;

import io.ashlar.access.Actor;
import io.ashlar.access.Guarded;
import io.ashlar.access.Permission;
import io.ashlar.audit.AuditLog;
import io.ashlar.audit.Change;
import java.sql.Types;
import java.time.Clock;
import java.time.OffsetDateTime;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.transaction.support.TransactionTemplate;

/** Deployments whose tokens other servers make; they are removed, drained and granted as all deployments are. */
@Guarded
public final class Upstreams {
    private final Catalog catalog;
    private final JdbcClient database;
    private final AuditLog audit;
    private final TransactionTemplate transactions;
    private final Secrets secrets;
    private final Clock clock;

    public Upstreams(
            Catalog catalog,
            JdbcClient database,
            AuditLog audit,
            TransactionTemplate transactions,
            Secrets secrets,
            Clock clock) {
        this.catalog = catalog;
        this.database = database;
        this.audit = audit;
        this.transactions = transactions;
        this.secrets = secrets;
        this.clock = clock;
    }

    /**
     * Serves what another server makes.
     *
     * @param key that the other server wants; null for none
     */
    public void create(String name, Upstream upstream, @Nullable String key, Actor actor) {
        actor.require(Permission.CHANGE_PLATFORM);
        transactions.executeWithoutResult(t -> {
            catalog.checkNew(name);
            database.sql("""
                            insert into deployment (name, upstream_url, upstream_model, upstream_context, upstream_most,
                                upstream_key, created_at)
                            values (:name, :url, :model, :context, :most, :key, :now)""")
                    .param("name", name)
                    .param("url", upstream.url())
                    .param("model", upstream.model())
                    .param("context", upstream.context())
                    .param("most", upstream.most())
                    .param("key", hidden(name, key), Types.BINARY)
                    .param("now", OffsetDateTime.now(clock))
                    .update();
            audit.record(
                    actor,
                    "deployment.create",
                    name,
                    Change.made(null, Catalog.words(catalog.deployment(name).orElseThrow())));
        });
    }

    /**
     * Where an upstream's tokens come from, from now on.
     *
     * @param key null leaves it as it is, an empty one takes it away
     * @return false where there is no such upstream
     */
    public boolean change(String name, Upstream upstream, @Nullable String key, Actor actor) {
        actor.require(Permission.CHANGE_PLATFORM);
        return Boolean.TRUE.equals(transactions.execute(t -> {
            Deployment old = catalog.deployment(name).orElse(null);
            if (old == null || old.upstream() == null) {
                return false;
            }
            database.sql("""
                            update deployment set upstream_url = :url, upstream_model = :model,
                                upstream_context = :context, upstream_most = :most where name = :name""")
                    .param("name", name)
                    .param("url", upstream.url())
                    .param("model", upstream.model())
                    .param("context", upstream.context())
                    .param("most", upstream.most())
                    .update();
            Map<String, String> before = Catalog.words(old);
            Map<String, String> after = Catalog.words(catalog.deployment(name).orElseThrow());
            if (key != null) {
                // Whoever serves it reads the key when it begins, so it begins anew.
                database.sql(
                                "update deployment set upstream_key = :key, generation = generation + 1 where name = :name")
                        .param("name", name)
                        .param("key", hidden(name, key), Types.BINARY)
                        .update();
                before.put("key", "as it was");
                after.put("key", key.isEmpty() ? "none" : "another");
            }
            Change change = Change.between(null, before, after);
            if (!change.isNone()) {
                audit.record(actor, "deployment.change", name, change);
            }
            return true;
        }));
    }

    private byte @Nullable [] hidden(String name, @Nullable String key) {
        return key == null || key.isBlank() ? null : secrets.hide("upstream:" + name, key.strip());
    }

    /** What an upstream's server wants, for who calls it; null for nothing. */
    public @Nullable String upstreamKey(String name) {
        return database.sql("select upstream_key from deployment where name = :name and upstream_key is not null")
                .param("name", name)
                .query((row, n) -> secrets.reveal("upstream:" + name, row.getBytes(1)))
                .optional()
                .orElse(null);
    }
}
