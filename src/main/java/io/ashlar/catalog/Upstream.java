package io.ashlar.catalog;

import io.ashlar.access.InvalidRequestException;
import java.net.URI;
import java.net.URISyntaxException;

/**
 * Another server that speaks the OpenAI API, and makes the tokens of a deployment.
 *
 * @param url where its API is, version included: {@code http://host:8000/v1}
 * @param model what it calls the model
 * @param context its longest prompt and answer together, in tokens
 * @param most requests that it is given at a time; others wait here, where it is known whose they are
 */
public record Upstream(String url, String model, int context, int most) {
    /** Where nothing is said: about what one server of a large model batches. */
    public static final int USUALLY_MOST = 64;

    private static final int LONGEST = 500;

    /** What is sensible in form. */
    public static Upstream checked(String url, String model, int context, int most) {
        String address = url.strip().replaceAll("/+$", "");
        URI uri;
        try {
            uri = new URI(address);
        } catch (URISyntaxException e) {
            throw wrongUrl();
        }
        boolean web = "http".equals(uri.getScheme()) || "https".equals(uri.getScheme());
        if (!web || uri.getHost() == null || uri.getRawUserInfo() != null || uri.getRawQuery() != null) {
            throw wrongUrl();
        }
        if (uri.getRawFragment() != null || address.length() > LONGEST) {
            throw wrongUrl();
        }
        String name = model.strip();
        if (name.isEmpty() || name.length() > LONGEST) {
            throw new InvalidRequestException(
                    "upstream.model", "'upstream.model' is what the other server calls its model.");
        }
        if (context < 1) {
            throw new InvalidRequestException(
                    "upstream.context", "'upstream.context' is its longest prompt and answer in tokens: at least 1.");
        }
        if (most < 1 || most > 100_000) {
            throw new InvalidRequestException(
                    "upstream.most", "'upstream.most' is how many requests it is given at a time: from 1 to 100000.");
        }
        return new Upstream(address, name, context, most);
    }

    private static InvalidRequestException wrongUrl() {
        return new InvalidRequestException(
                "upstream.url",
                "'upstream.url' is where the other server's API is, such as http://host:8000/v1, without a name or key.");
    }

    /** The other server, without what is not to be shown of its address. */
    public String host() {
        URI uri = URI.create(url);
        return uri.getPort() < 0 ? uri.getHost() : uri.getHost() + ":" + uri.getPort();
    }
}
