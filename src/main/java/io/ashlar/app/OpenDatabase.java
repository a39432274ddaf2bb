package io.ashlar.app;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import com.zaxxer.hikari.pool.HikariPool.PoolInitializationException;
import io.ashlar.database.DatabaseAddress;
import io.ashlar.database.EmbeddedPostgres;
import io.ashlar.database.Migrations;
import io.ashlar.database.StartFailure;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** The database of this process, migrated: our own server, that of a running Ashlar, or an external one. */
public record OpenDatabase(
        HikariDataSource pool,
        DatabaseAddress address,
        @Nullable EmbeddedPostgres server) implements AutoCloseable {
    private static final int POOL_SIZE = 10;
    private static final int CONNECT_MILLIS = 5_000;

    /** For the process that holds the data folder. */
    public static OpenDatabase open(AshlarProperties properties, DataFolder folder) {
        DatabaseAddress external = external(properties.database());
        if (external != null) {
            return connect(external, null);
        }
        EmbeddedPostgres server = EmbeddedPostgres.start(folder.postgres(), cache(properties.database()));
        try {
            return connect(server.address(), server);
        } catch (RuntimeException e) {
            server.close();
            throw e;
        }
    }

    /** For a command beside the process that holds the data folder. */
    public static OpenDatabase join(AshlarProperties properties, Path data) {
        DatabaseAddress external = external(properties.database());
        return connect(external != null ? external : EmbeddedPostgres.running(data.resolve("postgres")), null);
    }

    private static @Nullable DatabaseAddress external(AshlarProperties.Database database) {
        if (database.url() == null) {
            return null;
        }
        if (!database.url().startsWith("jdbc:postgresql:")) {
            throw new StartFailure("the configuration key database.url must start with jdbc:postgresql:, but is "
                    + database.url().replaceAll("://[^@]*@", "://***@"));
        }
        return new DatabaseAddress(
                database.url(),
                database.user() == null ? "" : database.user(),
                database.password() == null ? "" : database.password());
    }

    private static Path cache(AshlarProperties.Database database) {
        return database.cache() != null
                ? database.cache()
                : Path.of(System.getProperty("user.home"), ".cache", "ashlar");
    }

    private static OpenDatabase connect(DatabaseAddress address, @Nullable EmbeddedPostgres server) {
        HikariConfig config = new HikariConfig();
        config.setJdbcUrl(address.url());
        if (!address.user().isEmpty()) {
            config.setUsername(address.user());
            config.setPassword(address.password());
        }
        config.setMaximumPoolSize(POOL_SIZE);
        config.setMinimumIdle(1);
        config.setConnectionTimeout(CONNECT_MILLIS);
        config.setPoolName("ashlar");
        HikariDataSource pool;
        try {
            pool = new HikariDataSource(config);
        } catch (PoolInitializationException e) {
            Throwable cause = e.getCause() == null ? e : e.getCause();
            throw new StartFailure("the database cannot be reached: " + cause.getMessage(), e);
        }
        try {
            Migrations.run(pool);
        } catch (RuntimeException e) {
            pool.close();
            throw e;
        }
        return new OpenDatabase(pool, address, server);
    }

    @Override
    public void close() {
        pool.close();
        if (server != null) {
            server.close();
        }
    }
}
