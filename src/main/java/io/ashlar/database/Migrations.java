package io.ashlar.database;

import javax.sql.DataSource;
import org.flywaydb.core.Flyway;
import org.flywaydb.core.api.MigrationInfo;
import org.flywaydb.core.api.exception.FlywayValidateException;

/** Brings a database to this version's schema. */
public final class Migrations {
    private Migrations() {}

    public static void run(DataSource database) {
        Flyway flyway = Flyway.configure()
                .dataSource(database)
                .locations("classpath:db/migration")
                .load();
        MigrationInfo[] future = java.util.Arrays.stream(flyway.info().all())
                .filter(m -> m.getState().isApplied() && !m.getState().isResolved())
                .toArray(MigrationInfo[]::new);
        if (future.length > 0) {
            throw new StartFailure("the database was used by a newer Ashlar (it has migration "
                    + future[future.length - 1].getVersion() + "); start that version, or use another data folder");
        }
        try {
            flyway.migrate();
        } catch (FlywayValidateException e) {
            throw new StartFailure("the database's schema was not made by this Ashlar; use another database", e);
        }
    }
}
