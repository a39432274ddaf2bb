package io.ashlar.database;

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;

/**
 * Tells listeners which table changed, within milliseconds of the commit, whichever process made it. After a lost
 * connection every listener is told once it is back, since changes may have been missed.
 */
public final class ChangeFeed implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(ChangeFeed.class.getName());
    private static final int WAIT_MILLIS = 500;
    private static final long RETRY_MILLIS = 500;

    private final DatabaseAddress address;
    private final Map<String, CopyOnWriteArrayList<Runnable>> listeners = new ConcurrentHashMap<>();
    private final Thread thread;
    private volatile boolean closed;

    public ChangeFeed(DatabaseAddress address) {
        this.address = address;
        this.thread = Thread.ofVirtual().name("change-feed").unstarted(this::run);
    }

    /** @param listener called after every change of one of the tables; must be quick */
    public void onChange(Set<String> tables, Runnable listener) {
        for (String table : tables) {
            listeners.computeIfAbsent(table, t -> new CopyOnWriteArrayList<>()).add(listener);
        }
    }

    public void start() {
        thread.start();
    }

    private void run() {
        boolean reported = false;
        while (!closed) {
            try (Connection connection =
                            DriverManager.getConnection(address.url(), address.user(), address.password());
                    Statement statement = connection.createStatement()) {
                statement.execute("listen ashlar_changes");
                reported = false;
                tellAll();
                listen(connection.unwrap(PGConnection.class));
            } catch (SQLException e) {
                if (!closed && !reported) {
                    LOG.log(System.Logger.Level.WARNING, "the feed of changes is cut off: {0}", e.getMessage());
                    reported = true;
                }
                try {
                    Thread.sleep(RETRY_MILLIS);
                } catch (InterruptedException interrupted) {
                    return;
                }
            }
        }
    }

    private void listen(PGConnection connection) throws SQLException {
        while (!closed) {
            PGNotification[] notifications = connection.getNotifications(WAIT_MILLIS);
            if (notifications != null) {
                for (PGNotification notification : notifications) {
                    tell(notification.getParameter());
                }
            }
        }
    }

    private void tellAll() {
        listeners.keySet().forEach(this::tell);
    }

    private void tell(String table) {
        for (Runnable listener : listeners.getOrDefault(table, new CopyOnWriteArrayList<>())) {
            try {
                listener.run();
            } catch (RuntimeException e) {
                LOG.log(System.Logger.Level.ERROR, "a listener to changes of " + table + " failed", e);
            }
        }
    }

    @Override
    public void close() {
        closed = true;
        thread.interrupt();
    }
}
