"""What the portal and the console share: layout, language, headers, forms, error pages and logs. It holds no cases."""
