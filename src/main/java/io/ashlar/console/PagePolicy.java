package io.ashlar.console;

import com.vaadin.flow.server.ServiceInitEvent;
import com.vaadin.flow.server.VaadinServiceInitListener;
import java.security.SecureRandom;
import java.util.Base64;
import org.jsoup.nodes.Element;

/**
 * The content security policy of every page: nothing from elsewhere, nobody frames it, and only scripts that the server put
 * into this very page run. Vaadin's client makes functions of what the server sends, so {@code unsafe-eval} stays.
 */
final class PagePolicy implements VaadinServiceInitListener {
    private static final long serialVersionUID = 1;
    private static final int NONCE_BYTES = 16;

    private final transient SecureRandom random;

    PagePolicy(SecureRandom random) {
        this.random = random;
    }

    @Override
    public void serviceInit(ServiceInitEvent event) {
        event.addIndexHtmlRequestListener(page -> {
            byte[] bytes = new byte[NONCE_BYTES];
            random.nextBytes(bytes);
            String nonce = Base64.getEncoder().encodeToString(bytes);
            for (Element script : page.getDocument().getElementsByTag("script")) {
                script.attr("nonce", nonce);
            }
            page.getVaadinResponse()
                    .setHeader(
                            "Content-Security-Policy",
                            "default-src 'self'; script-src 'nonce-" + nonce
                                    + "' 'strict-dynamic' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:;"
                                    + " connect-src 'self'; object-src 'none'; base-uri 'self'; form-action 'self' https:"
                                    + " http://127.0.0.1:* http://localhost:*; frame-ancestors 'none'");
        });
    }
}
