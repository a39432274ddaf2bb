package io.ashlar.app;

import io.ashlar.audit.AuditLog;
import io.ashlar.block.BlockZoo;
import io.ashlar.blueprint.Blueprints;
import io.ashlar.catalog.Catalog;
import io.ashlar.catalog.Upstreams;
import io.ashlar.database.ChangeFeed;
import io.ashlar.identity.AdminKeys;
import io.ashlar.identity.Tenants;
import io.ashlar.identity.Vault;
import io.ashlar.quota.Limits;
import io.ashlar.quota.ServiceClasses;
import io.ashlar.serving.ModelLibrary;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Clock;
import org.jspecify.annotations.Nullable;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.jdbc.datasource.DataSourceTransactionManager;
import org.springframework.transaction.support.TransactionTemplate;

/**
 * What commands on a data folder work with, whether a server runs in it (its database is joined, and it follows the changes)
 * or not (the database runs for as long as the command).
 */
public final class Workbench implements AutoCloseable {
    private final @Nullable DataFolder folder;
    private final OpenDatabase database;
    private final Catalog catalog;
    private final Tenants tenants;
    private final ModelLibrary library;
    private final AdminKeys adminKeys;
    private final AuditLog audit;
    private final Blueprints blueprints;

    public Workbench(AshlarProperties properties) {
        Path data = properties.data().toAbsolutePath().normalize();
        folder = DataFolder.openUnlessUsed(data);
        try {
            database = folder == null ? OpenDatabase.join(properties, data) : OpenDatabase.open(properties, folder);
        } catch (RuntimeException e) {
            if (folder != null) {
                folder.close();
            }
            throw e;
        }
        Clock clock = Clock.systemUTC();
        JdbcClient client = JdbcClient.create(database.pool());
        TransactionTemplate transactions = new TransactionTemplate(new DataSourceTransactionManager(database.pool()));
        audit = new AuditLog(client, clock);
        SecureRandom random = new SecureRandom();
        Vault vault = new Vault(DataFolder.secretKey(data, random), random);
        catalog = new Catalog(client, audit, transactions, clock);
        tenants = new Tenants(client, transactions, audit, clock);
        // A running server hears of changes from the database; nothing is looked up here.
        ChangeFeed nothing = new ChangeFeed(database.address());
        blueprints = new Blueprints(
                tenants,
                catalog,
                new Upstreams(catalog, client, audit, transactions, new VaultSecrets(vault), clock),
                new Limits(client, transactions, audit, clock),
                new ServiceClasses(client, transactions, audit, nothing, Runnable::run),
                transactions);
        adminKeys = new AdminKeys(client, transactions, audit, nothing, Runnable::run, random, clock);
        library = new ModelLibrary(new BlockZoo(data.resolve("zoo")), catalog, audit, transactions);
    }

    public ModelLibrary library() {
        return library;
    }

    public Catalog catalog() {
        return catalog;
    }

    public Tenants tenants() {
        return tenants;
    }

    public AuditLog audit() {
        return audit;
    }

    public Blueprints blueprints() {
        return blueprints;
    }

    public AdminKeys adminKeys() {
        return adminKeys;
    }

    @Override
    public void close() {
        database.close();
        if (folder != null) {
            folder.close();
        }
    }
}
