package io.ashlar.catalog;

import io.ashlar.access.Actor;
import io.ashlar.access.Guarded;
import io.ashlar.access.InvalidRequestException;
import io.ashlar.access.Permission;
import io.ashlar.audit.AuditLog;
import io.ashlar.audit.Change;
import java.sql.Array;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Clock;
import java.time.OffsetDateTime;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.UUID;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.transaction.support.TransactionTemplate;
import tools.jackson.databind.json.JsonMapper;

/** What should exist: models, adapters, deployments and grants. */
@Guarded
public final class Catalog {
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._/-]{0,127}");
    private static final String DEPLOYMENT =
            "select name, model, upstream_url, upstream_model, upstream_context, upstream_most, shares_prefixes, policy,"
                    + " draining, generation, created_at from deployment ";

    private final JdbcClient database;
    private final AuditLog audit;
    private final TransactionTemplate transactions;
    private final Clock clock;

    public Catalog(JdbcClient database, AuditLog audit, TransactionTemplate transactions, Clock clock) {
        this.database = database;
        this.audit = audit;
        this.transactions = transactions;
        this.clock = clock;
    }

    public List<CatalogModel> models() {
        return database.sql("select name, base, manifest, created_at from model order by created_at, name")
                .query(Catalog::model)
                .list();
    }

    public Optional<CatalogModel> model(String name) {
        return database.sql("select name, base, manifest, created_at from model where name = :name")
                .param("name", name)
                .query(Catalog::model)
                .optional();
    }

    private static CatalogModel model(ResultSet row, int number) throws SQLException {
        return new CatalogModel(
                row.getString("name"),
                row.getString("base"),
                JsonMapper.shared().readTree(row.getString("manifest")),
                row.getObject("created_at", OffsetDateTime.class).toInstant());
    }

    /** @param manifest written as JSON */
    public void addModel(String name, @Nullable String base, Object manifest) {
        database.sql("""
                        insert into model (name, kind, base, manifest, created_at)
                        values (:name, :kind, :base, cast(:manifest as jsonb), :now)""")
                .param("name", name)
                .param("kind", base == null ? "model" : "adapter")
                .param("base", base)
                .param("manifest", JsonMapper.shared().writeValueAsString(manifest))
                .param("now", OffsetDateTime.now(clock))
                .update();
    }

    /** Removes a model with its deployments and their grants. */
    public void removeModel(String name) {
        database.sql("delete from deployment where model = :name")
                .param("name", name)
                .update();
        database.sql("delete from model where name = :name").param("name", name).update();
    }

    /** As {@link #deployments()}, for those who may see the platform. */
    public List<Deployment> deployments(Actor actor) {
        actor.require(Permission.SEE_PLATFORM);
        return deployments();
    }

    public Optional<Deployment> deployment(String name, Actor actor) {
        actor.require(Permission.SEE_PLATFORM);
        return deployment(name);
    }

    Optional<Deployment> deployment(String name) {
        return database.sql(DEPLOYMENT + "where name = :name")
                .param("name", name)
                .query(Catalog::deployment)
                .optional();
    }

    /** Who deployments are for, by name; those that nobody uses are left out. */
    public Map<String, DeploymentUse> use(Actor actor) {
        actor.require(Permission.SEE_PLATFORM);
        Map<String, DeploymentUse> use = new HashMap<>();
        database.sql("""
                        select d.name, count(t.id) as tenants, array_agg(distinct t.service_class)
                                filter (where t.id is not null) as classes,
                            (select count(*) from quota_limit q where q.model = d.name) as limits
                        from deployment d left join deployment_grant g on g.deployment = d.name
                        left join tenant t on t.id = g.tenant_id group by d.name""").query(row -> {
            Array classes = row.getArray("classes");
            use.put(
                    row.getString("name"),
                    new DeploymentUse(
                            row.getInt("tenants"),
                            classes == null ? List.of() : List.of((String[]) classes.getArray()),
                            row.getInt("limits")));
        });
        return use;
    }

    /** All that should be serving. */
    public List<Deployment> deployments() {
        return database.sql(DEPLOYMENT + "order by created_at, name")
                .query(Catalog::deployment)
                .list();
    }

    private static Deployment deployment(ResultSet row, int number) throws SQLException {
        return new Deployment(
                row.getString("name"),
                row.getString("model"),
                upstream(row),
                row.getBoolean("shares_prefixes"),
                row.getString("policy"),
                row.getBoolean("draining"),
                row.getInt("generation"),
                row.getObject("created_at", OffsetDateTime.class).toInstant());
    }

    private static @Nullable Upstream upstream(ResultSet row) throws SQLException {
        String url = row.getString("upstream_url");
        return url == null
                ? null
                : new Upstream(
                        url,
                        row.getString("upstream_model"),
                        row.getInt("upstream_context"),
                        row.getInt("upstream_most"));
    }

    /** Part of another change, which is what the audit log tells of. */
    public void addDeployment(String name, String model) {
        database.sql("insert into deployment (name, model, created_at) values (:name, :model, :now)")
                .param("name", name)
                .param("model", model)
                .param("now", OffsetDateTime.now(clock))
                .update();
    }

    /** Serves a model under one more name. */
    public void create(String name, String model, boolean sharesPrefixes, @Nullable String policy, Actor actor) {
        actor.require(Permission.CHANGE_PLATFORM);
        transactions.executeWithoutResult(t -> {
            checkNew(name);
            if (model(model).isEmpty()) {
                throw new InvalidRequestException("model", "There is no model '" + model + "'.");
            }
            addDeployment(name, model);
            database.sql("update deployment set shares_prefixes = :shares, policy = :policy where name = :name")
                    .param("shares", sharesPrefixes)
                    .param("policy", policy)
                    .param("name", name)
                    .update();
            audit.record(
                    actor,
                    "deployment.create",
                    name,
                    Change.made(null, words(deployment(name).orElseThrow())));
        });
    }

    /** Fails where a deployment cannot have this name. */
    void checkNew(String name) {
        if (!NAME.matcher(name).matches()) {
            throw new InvalidRequestException(
                    "name", "A name has 1 to 128 letters, digits and . _ / -, and starts with a letter or digit.");
        }
        if (deployment(name).isPresent()) {
            throw new InvalidRequestException("name", "There is already a deployment named " + name + ".");
        }
    }

    /** What the audit log tells of one. */
    static Map<String, String> words(Deployment d) {
        Map<String, String> words = new TreeMap<>();
        Upstream upstream = d.upstream();
        if (upstream != null) {
            words.put("upstream", upstream.url());
            words.put("model", upstream.model());
            words.put("context", String.valueOf(upstream.context()));
            words.put("most", String.valueOf(upstream.most()));
        } else {
            words.put("model", String.valueOf(d.model()));
            words.put("shares_prefixes", String.valueOf(d.sharesPrefixes()));
            words.put("policy", d.policy() == null ? "the platform's" : d.policy());
        }
        words.put("draining", String.valueOf(d.draining()));
        return words;
    }

    /**
     * How a deployment serves from now on: by which scheduler policy, and whether tenants may find each other's prefixes.
     *
     * @param policy null for the platform's
     * @return false where there is no such deployment
     */
    public boolean change(String name, boolean sharesPrefixes, @Nullable String policy, Actor actor) {
        return update(
                name,
                "update deployment set shares_prefixes = :shares, policy = :policy where name = :name",
                Map.of("shares", sharesPrefixes, "policy", Optional.ofNullable(policy)),
                "deployment.change",
                actor);
    }

    /** As {@link #change}, for the policy alone. */
    public boolean setPolicy(String name, @Nullable String policy, Actor actor) {
        return update(
                name,
                "update deployment set policy = :policy where name = :name",
                Map.of("policy", Optional.ofNullable(policy)),
                "deployment.policy",
                actor);
    }

    /** A deployment that drains takes no new requests; those that run end. Draining ends when it is told to. */
    public boolean setDraining(String name, boolean draining, Actor actor) {
        return update(
                name,
                "update deployment set draining = :draining where name = :name",
                Map.of("draining", draining),
                draining ? "deployment.drain" : "deployment.resume",
                actor);
    }

    private boolean update(String name, String sql, Map<String, Object> values, String action, Actor actor) {
        actor.require(Permission.CHANGE_PLATFORM);
        return Boolean.TRUE.equals(transactions.execute(t -> {
            Deployment old = deployment(name).orElse(null);
            if (old == null) {
                return false;
            }
            JdbcClient.StatementSpec statement = database.sql(sql).param("name", name);
            for (Map.Entry<String, Object> value : values.entrySet()) {
                Object v = value.getValue() instanceof Optional<?> optional ? optional.orElse(null) : value.getValue();
                statement = statement.param(value.getKey(), v);
            }
            statement.update();
            Change change =
                    Change.between(null, words(old), words(deployment(name).orElseThrow()));
            if (!change.isNone()) {
                audit.record(actor, action, name, change);
            }
            return true;
        }));
    }

    /** Loads a deployment anew: its engine state is given up, running requests end on what they have. */
    public boolean restart(String name, Actor actor) {
        actor.require(Permission.CHANGE_PLATFORM);
        return Boolean.TRUE.equals(transactions.execute(t -> {
            boolean found = database.sql("update deployment set generation = generation + 1 where name = :name")
                            .param("name", name)
                            .update()
                    > 0;
            if (found) {
                audit.record(actor, "deployment.restart", name, Change.made(null, Map.of()));
            }
            return found;
        }));
    }

    /** Serves it no longer, and forgets grants, limits and prices of it; the model stays. */
    public boolean delete(String name, Actor actor) {
        actor.require(Permission.CHANGE_PLATFORM);
        return Boolean.TRUE.equals(transactions.execute(t -> {
            Deployment old = deployment(name).orElse(null);
            if (old == null) {
                return false;
            }
            database.sql("delete from deployment where name = :name")
                    .param("name", name)
                    .update();
            audit.record(actor, "deployment.delete", name, Change.removed(null, words(old)));
            return true;
        }));
    }

    /**
     * Lets a tenant use a deployment. Granting it again changes nothing.
     *
     * @return whether it is new
     */
    public boolean grant(UUID tenant, String deployment, Actor actor) {
        actor.require(Permission.CHANGE_PLATFORM);
        return Boolean.TRUE.equals(transactions.execute(t -> {
            if (deployment(deployment).isEmpty()) {
                throw new InvalidRequestException("model", "There is no deployment '" + deployment + "'.");
            }
            int added = database.sql("""
                            insert into deployment_grant (tenant_id, deployment, created_at)
                            values (:tenant, :deployment, :now) on conflict do nothing""")
                    .param("tenant", tenant)
                    .param("deployment", deployment)
                    .param("now", OffsetDateTime.now(clock))
                    .update();
            if (added > 0) {
                audit.record(actor, "grant.add", nameOf(tenant), Change.made(tenant, Map.of("deployment", deployment)));
            }
            return added > 0;
        }));
    }

    /**
     * Takes a grant back; the next request of the tenant's keys is refused.
     *
     * @return whether there was one
     */
    public boolean withdraw(UUID tenant, String deployment, Actor actor) {
        actor.require(Permission.CHANGE_PLATFORM);
        return Boolean.TRUE.equals(transactions.execute(t -> {
            int removed = database.sql(
                            "delete from deployment_grant where tenant_id = :tenant and deployment = :deployment")
                    .param("tenant", tenant)
                    .param("deployment", deployment)
                    .update();
            if (removed > 0) {
                audit.record(
                        actor,
                        "grant.remove",
                        nameOf(tenant),
                        Change.removed(tenant, Map.of("deployment", deployment)));
            }
            return removed > 0;
        }));
    }

    private String nameOf(UUID tenant) {
        return database.sql("select name from tenant where id = :id")
                .param("id", tenant)
                .query(String.class)
                .single();
    }

    /** The deployments that a tenant may use, by name. */
    public Set<String> grantsOf(UUID tenant, Actor actor) {
        actor.require(Permission.SEE_TENANT, tenant);
        return new TreeSet<>(database.sql("select deployment from deployment_grant where tenant_id = :tenant")
                .param("tenant", tenant)
                .query(String.class)
                .list());
    }
}
