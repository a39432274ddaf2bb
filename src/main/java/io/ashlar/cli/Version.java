package io.ashlar.cli;

import java.io.IOException;
import java.io.InputStream;
import java.util.Properties;
import picocli.CommandLine.IVersionProvider;

/** The version that the build wrote down. */
final class Version implements IVersionProvider {
    @Override
    public String[] getVersion() throws IOException {
        try (InputStream in = Version.class.getResourceAsStream("/ashlar-build.properties")) {
            Properties build = new Properties();
            if (in != null) {
                build.load(in);
            }
            return new String[] {"ashlar " + build.getProperty("version", "unknown")};
        }
    }
}
