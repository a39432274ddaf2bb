package io.ashlar.catalog;

import io.ashlar.audit.AuditLog;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Clock;
import java.time.OffsetDateTime;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.transaction.support.TransactionTemplate;
import tools.jackson.databind.json.JsonMapper;

/** What should exist: models, adapters, deployments and grants. */
public final class Catalog {
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

    public List<Deployment> deployments() {
        return database.sql(
                        "select name, model, shares_prefixes, policy, created_at from deployment order by created_at, name")
                .query((row, n) -> new Deployment(
                        row.getString("name"),
                        row.getString("model"),
                        row.getBoolean("shares_prefixes"),
                        row.getString("policy"),
                        row.getObject("created_at", OffsetDateTime.class).toInstant()))
                .list();
    }

    public void addDeployment(String name, String model) {
        database.sql("insert into deployment (name, model, created_at) values (:name, :model, :now)")
                .param("name", name)
                .param("model", model)
                .param("now", OffsetDateTime.now(clock))
                .update();
    }

    /**
     * Which scheduler policy orders a deployment's requests from now on.
     *
     * @param policy null for the platform's
     * @return false where there is no such deployment
     */
    public boolean setPolicy(String deployment, @Nullable String policy, String actor) {
        return Boolean.TRUE.equals(transactions.execute(t -> {
            boolean found = database.sql("update deployment set policy = :policy where name = :name")
                            .param("policy", policy)
                            .param("name", deployment)
                            .update()
                    > 0;
            if (found) {
                audit.record(actor, "deployment.policy", deployment, Map.of("policy", String.valueOf(policy)));
            }
            return found;
        }));
    }

    /** Lets a tenant use a deployment. Granting it again changes nothing. */
    public void grant(UUID tenant, String deployment, String actor) {
        transactions.executeWithoutResult(t -> {
            int added = database.sql("""
                            insert into deployment_grant (tenant_id, deployment, created_at)
                            values (:tenant, :deployment, :now) on conflict do nothing""")
                    .param("tenant", tenant)
                    .param("deployment", deployment)
                    .param("now", OffsetDateTime.now(clock))
                    .update();
            if (added > 0) {
                audit.record(actor, "grant.add", deployment, Map.of("tenant", tenant.toString()));
            }
        });
    }

    /** Takes a grant back; the next request of the tenant's keys is refused. */
    public void withdraw(UUID tenant, String deployment, String actor) {
        transactions.executeWithoutResult(t -> {
            int removed = database.sql(
                            "delete from deployment_grant where tenant_id = :tenant and deployment = :deployment")
                    .param("tenant", tenant)
                    .param("deployment", deployment)
                    .update();
            if (removed > 0) {
                audit.record(actor, "grant.remove", deployment, Map.of("tenant", tenant.toString()));
            }
        });
    }

    /** The deployments that a tenant may use, by name. */
    public Set<String> grantsOf(UUID tenant) {
        return Set.copyOf(database.sql("select deployment from deployment_grant where tenant_id = :tenant")
                .param("tenant", tenant)
                .query(String.class)
                .list());
    }
}
