package io.ashlar.app;

import io.ashlar.database.StartFailure;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** The folder that holds everything, for its owner only, used by one serving process at a time. */
public final class DataFolder implements AutoCloseable {
    /** Raised when an older Ashlar could no longer read what is here. */
    private static final int FORMAT = 1;

    private final Path path;
    private final FileChannel channel;
    private final FileLock lock;

    private DataFolder(Path path, FileChannel channel, FileLock lock) {
        this.path = path;
        this.channel = channel;
        this.lock = lock;
    }

    /** Opens the folder for this process, making it where needed. */
    public static DataFolder open(Path path) {
        DataFolder folder = openUnlessUsed(path);
        if (folder == null) {
            throw new StartFailure("the data folder " + path
                    + " is in use by another Ashlar; stop that one, or give another folder with --data");
        }
        return folder;
    }

    /** Opens the folder, or returns null while another process serves from it. */
    public static @Nullable DataFolder openUnlessUsed(Path given) {
        Path path = given.toAbsolutePath().normalize();
        try {
            if (!Files.isDirectory(path)) {
                Files.createDirectories(
                        path, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
            }
            FileChannel channel =
                    FileChannel.open(path.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
            FileLock lock = tryLock(channel);
            if (lock == null) {
                channel.close();
                return null;
            }
            DataFolder folder = new DataFolder(path, channel, lock);
            folder.checkFormat();
            return folder;
        } catch (IOException e) {
            throw new StartFailure("the data folder " + path + " cannot be used: " + e, e);
        }
    }

    private static @Nullable FileLock tryLock(FileChannel channel) throws IOException {
        try {
            return channel.tryLock();
        } catch (OverlappingFileLockException e) {
            return null; // another server of this very process
        }
    }

    /** What this folder is known by in a database that several processes share. */
    public UUID instance() {
        Path file = path.resolve("instance");
        try {
            if (!Files.exists(file)) {
                writePrivately(file, UUID.randomUUID() + "\n");
            }
            return UUID.fromString(Files.readString(file).strip());
        } catch (IOException | IllegalArgumentException e) {
            throw new StartFailure("the file " + file + " cannot be used: " + e.getMessage(), e);
        }
    }

    private void checkFormat() throws IOException {
        Path file = path.resolve("format");
        if (!Files.exists(file)) {
            Files.writeString(file, FORMAT + "\n");
            return;
        }
        String text = Files.readString(file).strip();
        int format;
        try {
            format = Integer.parseInt(text);
        } catch (NumberFormatException e) {
            close();
            throw new StartFailure(
                    file + " says '" + text + "' instead of a number; is this an Ashlar data folder?", e);
        }
        if (format > FORMAT) {
            close();
            throw new StartFailure("the data folder " + path + " was written by a newer Ashlar (format " + format
                    + ", this one knows " + FORMAT + "); start that version, or give another folder with --data");
        }
    }

    public Path path() {
        return path;
    }

    public Path zoo() {
        return path.resolve("zoo");
    }

    public Path postgres() {
        return path.resolve("postgres");
    }

    public Path usage() {
        return path.resolve("usage");
    }

    public Path firstStartFile() {
        return path.resolve("first-start.txt");
    }

    /**
     * The key that secrets in the database are encrypted with; made at the first start. Keep a copy beside backups.
     *
     * @param folder a data folder
     */
    static byte[] secretKey(Path folder, SecureRandom random) {
        Path file = folder.resolve("secret.key");
        try {
            if (!Files.exists(file)) {
                byte[] key = new byte[io.ashlar.identity.Vault.KEY_BYTES];
                random.nextBytes(key);
                writePrivately(file, java.util.HexFormat.of().formatHex(key));
            }
            return java.util.HexFormat.of().parseHex(Files.readString(file).strip());
        } catch (IOException | IllegalArgumentException e) {
            throw new StartFailure("the key in " + file + " cannot be read: " + e.getMessage(), e);
        }
    }

    /** Writes a file that only its owner may read. */
    static void writePrivately(Path file, String content) {
        try {
            Path draft = file.resolveSibling(file.getFileName() + ".new");
            Files.deleteIfExists(draft);
            Files.createFile(draft, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
            Files.writeString(draft, content);
            Files.move(draft, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            throw new UncheckedIOException(file + " cannot be written", e);
        }
    }

    @Override
    public void close() {
        try {
            lock.release();
            channel.close();
        } catch (IOException e) {
            throw new UncheckedIOException("the lock of " + path + " cannot be released", e);
        }
    }
}
